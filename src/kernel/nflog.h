/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that nft `log group N` copies out (linux/netfilter/nfnetlink_log.h). */
#ifndef SALLYPORT_KERNEL_NFLOG_H
#define SALLYPORT_KERNEL_NFLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A non-blocking netlink socket that receives the first `snaplen` bytes of every packet logged to
 * the group in the caller's network namespace, numbered so that losses can be counted. Setting it
 * up needs CAP_NET_ADMIN over the namespace; reading needs nothing, so it can be handed to another
 * process. The caller closes *out.
 */
bool nflog_open(uint16_t group, uint32_t snaplen, int *out, struct err *e) _must_use_;

/* One logged packet. Its spans are good during the call that hands it out. */
struct nflog_packet {
	struct span prefix; /* without its NUL; bytes as the rule has them */
	/*
	 * From the network header on, in the bridge family too; ARP's own header for ARP. A VLAN tag that
	 * the kernel keeps beside the frame is not in it (vlan).
	 */
	struct span payload;
	uint8_t family;	    /* NFPROTO_IPV4, NFPROTO_IPV6 in an inet table; NFPROTO_BRIDGE */
	uint8_t hook;	    /* NF_INET_* */
	uint16_t ethertype; /* ETH_P_*: what the payload is */
	bool has_macs;	    /* the frame came in by Ethernet and its header is still there */
	uint8_t src_mac[6], dst_mac[6]; /* dst_mac only in the bridge family; else zeros */
	bool vlan;			/* tagged: vlan_id */
	uint16_t vlan_id;
	uint32_t
		indev; /* index of the interface of arrival: of the bridge, for a port of one; 0: none */
	uint32_t
		port; /* index of the bridge's port of arrival; in an inet table only with br_netfilter; else 0 */
	uint32_t outdev; /* 0: none */
	bool has_seq;
	uint32_t seq; /* counts the group's packets; a gap is a loss */
};

/* False when the bytes are no whole message about a packet. */
bool nflog_parse(struct span message, struct nflog_packet *out) _must_use_;

typedef void nflog_fn(void *ctx, const struct nflog_packet *p);

/*
 * Hands out what is there, `max` datagrams at the most. False: nothing is left to be read now. What the
 * socket had no room for shows in the sequence numbers.
 */
bool nflog_read(int fd, unsigned max, nflog_fn *fn, void *ctx);

#endif
