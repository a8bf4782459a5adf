/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/maker_client.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

/* ICMP errors between two refills, as hosts limit theirs (net.ipv4.icmp_msgs_per_sec). */
#define REFUSALS 1000

static bool ask(struct maker *m, enum maker_wish wish, const struct sockaddr_in6 *local,
		const struct sockaddr_in6 *peer)
{
	struct maker_request req = {
		.wish = wish, .seq = ++m->seq, .local = *local, .peer = *peer
	};

	return send(m->fd, &req, sizeof(req), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(req);
}

int maker_socket(struct maker *m, const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer)
{
	struct pollfd fd = { .fd = m->fd, .events = POLLIN };
	uint64_t until = clock_ms() + MAKER_TIMEOUT_MS, now;

	if (!ask(m, MAKER_SOCKET, local, peer))
		return -1;
	while ((now = clock_ms()) < until && poll(&fd, 1, (int)(until - now)) == 1) {
		struct maker_answer answer;
		struct err ignored;
		int made = -1;
		size_t n;

		if (!fd_receive_upto(m->fd, &answer, sizeof(answer), &made, 1, &n, &ignored))
			return -1;
		if (answer.seq == m->seq)
			return made;
		fd_closep(&made); /* of a request that did not wait for it */
	}
	return -1;
}

void maker_refuse(struct maker *m, const struct sockaddr_in6 *local,
		  const struct sockaddr_in6 *peer)
{
	if (m->refusals == 0)
		return;
	m->refusals--;
	(void)ask(m, MAKER_UNREACHABLE, local, peer);
}

void maker_refill(struct maker *m)
{
	m->refusals = REFUSALS;
}
