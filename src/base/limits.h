/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every limit of the program, each with its reason. */
#ifndef SALLYPORT_BASE_LIMITS_H
#define SALLYPORT_BASE_LIMITS_H

/* Policy files. */
#define LIMIT_POLICY_BYTES (16U << 20)	/* 20 networks of 1,000 rules take 4 MiB */
#define LIMIT_POLICY_DEPTH 32		/* nesting of YAML; the deepest valid file has 6 */
#define LIMIT_POLICY_RULES 20000U	/* after `extends` is expanded, in one policy */
#define LIMIT_POLICY_DESTS 200000U	/* after groups are expanded, in one plan */
#define LIMIT_POLICY_CHAIN 16		/* groups in groups, policies that extend policies */
#define LIMIT_POLICY_LINTS 1000		/* destinations of a policy that are compared in pairs */
#define LIMIT_PLAN_FLAT	   (256U << 20) /* as bytes: LIMIT_POLICY_DESTS with the longest names */
#define LIMIT_PORT_RANGES  15		/* in one destination; what one multiport match holds */

#define LIMIT_NETWORKS	    256 /* subjects of one plan; each is a bridge of the host */
#define LIMIT_NETWORKS_HELD 512 /* with those that have left it while somebody is there */
#define LIMIT_NETWORK_NAME  128 /* bytes; engines have no limit, people use some 20 */

/* Each of Dockside's two files: programs write them, 20 networks of 1,000 rules are 2 MiB. */
#define LIMIT_DOCKSIDE_BYTES (8U << 20)

/* Allow-lists, merged. */
#define LIMIT_ALLOW_ENTRIES LIMIT_POLICY_RULES /* each becomes a rule */
#define LIMIT_MERGED_BYTES  (64U << 20)	       /* printed: groups written out, 200,000 lines */

/* Names. RFC 1035 2.3.4: 63 bytes a label, 255 on the wire, which is 253 written out. */
#define LIMIT_LABEL 63
#define LIMIT_NAME  253

/* DNS. */
#define LIMIT_DNS_MESSAGE     65535U /* RFC 1035 4.2.2 */
#define LIMIT_DNS_UDP	      1232U  /* no fragments: DNS flag day 2020 */
#define LIMIT_DNS_RECORDS     256    /* of one message that are looked at */
#define LIMIT_DNS_CHAIN	      16     /* CNAMEs that are followed */
#define LIMIT_DNS_JUMPS	      64     /* compression pointers in one name */
#define LIMIT_DNS_ADDRESSES   32     /* addresses kept of one answer */
#define LIMIT_DNS_CACHE	      4096   /* names that are remembered; the oldest unused goes first */
#define LIMIT_DNS_PENDING     512    /* questions under way upstream; one more gets SERVFAIL */
#define LIMIT_DNS_TTL_FLOOR   5	   /* seconds; a zero TTL would ask upstream for every connection */
#define LIMIT_DNS_TTL_CEIL    3600 /* seconds */
#define LIMIT_DNS_STALE_S     3600 /* an expired answer is used when upstream is down; RFC 8767 */
#define LIMIT_DNS_STREAMS     256U /* TCP connections of clients */
#define LIMIT_DNS_STREAM_JOBS 32U  /* questions of one of them under way; then it is not read */
#define LIMIT_DNS_STREAM_MS   10000U /* idle; RFC 7766 6.2.3 */
#define LIMIT_DNS_GRACE_S     300    /* an address stays good for its name after its TTL */
#define LIMIT_DNS_TRY_MS      1500U  /* one try of one upstream */

/* A wildcard lets names out in questions; this many distinct ones bound it (E-41). */
#define LIMIT_DNS_WILDCARD_NAMES 1000

/* HTTP heads and ClientHellos, the bytes read before anything is let out. */
#define LIMIT_HTTP_HEAD	     32768U /* common servers stop at 8 to 32 KiB */
#define LIMIT_HTTP_FIELDS    128
#define LIMIT_HTTP_OPTIONS   32	    /* that Connection lists; each field is compared with each */
#define LIMIT_HTTP_TRAILERS  4096U  /* fields behind a chunked body; nearly nobody sends any */
#define LIMIT_CLIENT_HELLO   65536U /* post-quantum key shares and tickets are a few KiB */
#define LIMIT_TLS_RECORDS    64	    /* that one hello is cut into; clients send 1 to 5 */
#define LIMIT_TLS_EXTENSIONS 128    /* of one hello; browsers send some 20 */

/* IPv6 extension headers in front of the transport header; RFC 8200 4.1 names 7. */
#define LIMIT_IP_EXTENSIONS 8

/* A jail's virtual addresses, never given back while it lives: 5 MiB of names at the most. */
#define LIMIT_VIRTUAL_ADDRESSES 16384U

/* Sockets outside /run that a jail covers, one mount each. */
#define LIMIT_SOCKET_WALK   8192 /* directory entries below HOME, /tmp, ...: 5 ms each */
#define LIMIT_UNIX_SOCKETS  4096
#define LIMIT_HOST_FILE	    (4U << 20)	/* /etc/hosts of an ad blocker */
#define LIMIT_HOSTS	    65536U	/* names of it that the gate knows */
#define LIMIT_PROC_NET_UNIX (16U << 20) /* 100,000 sockets */

/* The gate. */
#define LIMIT_CONNECTIONS  16384U /* of one jail; `limits: {connections: N}` lowers it */
#define LIMIT_FILES_APART  1024U  /* descriptors kept for pipes, name servers and judging */
#define LIMIT_KEEP_MS	   60000U /* a proxy's client between two requests */
#define LIMIT_SUBJECTS	   256	  /* users of a proxy, and its listeners */
#define LIMIT_USERS_BYTES  65536U /* a file of names and secrets, one a line */
#define LIMIT_UDP_FLOWS	   1024U  /* of one jail */
#define LIMIT_HEADER_MS	   10000U /* until the whole head or ClientHello is there */
#define LIMIT_CONNECT_MS   15000U /* until one of the addresses answered */
#define LIMIT_ATTEMPT_MS   250U	  /* RFC 8305 5: the next address is tried after this */
#define LIMIT_IDLE_MS	   (2U * 3600 * 1000) /* a connection on which nothing moves */
#define LIMIT_HALF_OPEN_MS (10U * 60 * 1000)  /* the same once one side has closed */
#define LIMIT_UDP_IDLE_MS  60000U /* RFC 4787 REQ-5 asks for 2 minutes or a short, set time */
#define LIMIT_DENIALS	   256	  /* distinct denied destinations that are told apart */
#define LIMIT_REACHED	   4096	  /* distinct destinations in the policy that --audit prints */
#define LIMIT_PIPES	   64	  /* splice pipes kept for reuse */
#define LIMIT_PIPES_OPEN   256 /* in all; streams whose receivers do not read hold on to theirs */

/* The control socket. */
#define LIMIT_CONTROL_CLIENTS 32	 /* at one time */
#define LIMIT_CONTROL_BYTES   (1U << 20) /* of a request, or of a reply */
#define LIMIT_CONTROL_MS      5000U	 /* until a request is whole, and its reply read */

/* The daemon. */
#define LIMIT_RULE_FOR_S (30 * 24 * 3600) /* a rule that ends by itself; longer is a policy */
#define LIMIT_TRIAL_S	 3600		  /* until a policy on trial is taken back */
#define LIMIT_FACTS	 (LIMIT_NETWORKS * 4096U) /* containers that the engine tells of */

/* The container engine. */
#define LIMIT_ENGINE_BYTES	  (16U << 20) /* of an answer; 1,000 containers take 300 KiB */
#define LIMIT_ENGINE_VALUES	  262144U /* of JSON in it: they take 300 times 2 bytes' place */
#define LIMIT_ENGINE_HEAD	  32768U
#define LIMIT_ENGINE_BODY	  65536U /* of a question */
#define LIMIT_ENGINE_EVENT	  65536U /* one event, which has all labels of its container */
#define LIMIT_ENGINE_NETWORKS	  4096U
#define LIMIT_ENGINE_CONTAINERS	  4096U /* of one network; a bridge has 1,023 ports */
#define LIMIT_ENGINE_CONNECT_MS	  2000U /* until the engine has a place for the connection */
#define LIMIT_ENGINE_MS		  10000U /* a whole question and answer; the stream of events: none */
#define LIMIT_ENGINE_PAUSE_MIN_MS 200U	 /* between two attempts: the first ones */
#define LIMIT_ENGINE_PAUSE_MS	  5000U	 /* the last ones */
#define LIMIT_ENGINE_SILENCE_MS	  10000U /* without an event; then it is asked what is new */

#endif
