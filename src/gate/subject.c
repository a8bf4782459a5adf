/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/clock.h"
#include "gate/internal.h"

void subject_init(struct subject *s, struct gate *g, uint16_t index, const struct plan *plan,
		  const struct plan_policy *policy, const struct gate_client *client)
{
	uint32_t max = policy->limits.connections;

	*s = (struct subject){ .gate = g,
			       .plan = plan,
			       .policy = policy,
			       .client = client,
			       .index = index,
			       .max_conns = max ? MIN(max, LIMIT_CONNECTIONS) : LIMIT_CONNECTIONS };
	if (!audit_mode(s))
		meter_init(&s->meter, &policy->limits, clock_ms());
	s->limited = s->meter.rate || s->meter.quota;
}

void subject_done(struct subject *s)
{
	wild_done(&s->wild);
}

bool subject_exhausted(struct subject *s)
{
	return meter_exhausted(&s->meter, clock_ms());
}

bool subject_users(const struct gate *g, uint16_t listener)
{
	for (size_t i = 0; i < g->n_subjects; i++)
		if (g->subjects[i].client->listener == listener &&
		    g->subjects[i].client->user[0] != '\0')
			return true;
	return false;
}

/* In a time that does not tell how much of them is alike. */
static bool same_token(const char a[static GATE_TOKEN_MAX], const char b[static GATE_TOKEN_MAX])
{
	unsigned char differ = 0;

	for (size_t i = 0; i < GATE_TOKEN_MAX; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

struct subject *subject_of(struct gate *g, uint16_t listener, struct span token)
{
	struct subject *nobody = NULL, *found = NULL;
	char padded[GATE_TOKEN_MAX] = "";

	if (token.n < sizeof(padded))
		memcpy(padded, token.p, token.n);
	for (size_t i = 0; i < g->n_subjects; i++) {
		struct subject *s = &g->subjects[i];

		if (s->client->listener != listener)
			continue;
		if (s->client->user[0] == '\0') {
			nobody = s;
			continue;
		}
		if (same_token(padded, s->client->token))
			found = s;
	}
	/* Where there are no users, what a client says of itself does not matter. */
	if (token.n == 0 || !subject_users(g, listener))
		return nobody;
	return found;
}
