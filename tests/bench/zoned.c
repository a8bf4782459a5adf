/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A name server that knows every name: `zoned ADDRESS FILE`. An address is made of the name's bytes, so
 * that each name has one of its own, in 2001:db8::/32 and, as far as they go, in 203.0.113.0/24. FILE
 * holds the number of questions answered, 8 bytes in host order.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "bench.h"

#define HEAD	12
#define TYPE_A	1
#define TYPE_6	28
#define TTL	300
#define MESSAGE 512

static uint64_t *count_in(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *p;

	if (fd < 0 || ftruncate(fd, sizeof(uint64_t)))
		err(1, "%s", path);
	p = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	return p;
}

/* The length of the name with its last, empty label; 0: it is cut. */
static size_t name_length(const uint8_t *name, size_t n)
{
	size_t i = 0;

	while (i < n && name[i] && name[i] < 64)
		i += name[i] + 1U;
	return i < n && !name[i] ? i + 1 : 0;
}

/* FNV-1a, without regard to case. */
static uint64_t hash(const uint8_t *name, size_t n)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint64_t)(unsigned)tolower(name[i])) * 1099511628211ULL;
	return h;
}

static size_t address_of(uint64_t h, uint16_t type, uint8_t *out)
{
	if (type == TYPE_A) {
		memcpy(out, (uint8_t[]){ 203, 0, 113, (uint8_t)(1 + h % 250) }, 4);
		return 4;
	}
	memcpy(out, (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8 }, 16);
	memcpy(out + 8, &h, 8);
	return 16;
}

/* Makes the answer in place of the question. Returns its length; 0: it was none. */
static size_t answer(uint8_t *m, size_t n)
{
	size_t name = n > HEAD ? name_length(m + HEAD, n - HEAD) : 0, end = HEAD + name + 4, size;
	uint16_t type;

	if (!name || end > n || end + 12 + 16 > MESSAGE)
		return 0;
	type = (uint16_t)(m[end - 4] << 8 | m[end - 3]);
	memcpy(m + 2, (uint8_t[]){ 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0 }, 10);
	if (type != TYPE_A && type != TYPE_6)
		return end;
	m[7] = 1;
	size = address_of(hash(m + HEAD, name), type, m + end + 12);
	memcpy(m + end,
	       (uint8_t[]){ 0xc0, HEAD, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, TTL >> 8,
			    TTL & 255, 0, (uint8_t)size },
	       12);
	return end + 12 + size;
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 8 << 20;
	uint64_t *count;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1)
		errx(2, "usage: zoned ADDRESS FILE");
	count = count_in(argv[2]);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)))
		err(1, "port 53");
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		uint8_t m[MESSAGE];
		ssize_t n = recvfrom(fd, m, sizeof(m), 0, (struct sockaddr *)&from, &len);
		size_t out = n > 0 ? answer(m, (size_t)n) : 0;

		if (out && sendto(fd, m, out, 0, (struct sockaddr *)&from, len) == (ssize_t)out)
			++*count;
	}
}
