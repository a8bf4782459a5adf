/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Median time to start commands and see them end, each in its turn:
 *
 *	startup N COMMAND... --- COMMAND... [--- COMMAND...]
 *
 * prints one number of ns for each.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"

#define COMMANDS_MAX 8
#define WARM	     3

extern char **environ;

static uint64_t run(char **argv, const posix_spawn_file_actions_t *quiet)
{
	uint64_t start = now_ns();
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], quiet, NULL, argv, environ) || waitpid(pid, &status, 0) < 0)
		err(1, "%s", argv[0]);
	if (status)
		errx(1, "%s: status %d", argv[0], status);
	return now_ns() - start;
}

int main(int argc, char **argv)
{
	char **commands[COMMANDS_MAX] = { argv + 2 };
	uint64_t *took[COMMANDS_MAX];
	posix_spawn_file_actions_t quiet;
	size_t n_commands = 1, n;

	if (argc < 3)
		errx(2, "usage: startup N COMMAND... --- COMMAND...");
	n = number(argv[1]);
	for (int i = 2; i < argc && n_commands < COMMANDS_MAX; i++) {
		if (strcmp(argv[i], "---") == 0) {
			argv[i] = NULL;
			commands[n_commands++] = argv + i + 1;
		}
	}
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	for (size_t c = 0; c < n_commands; c++)
		took[c] = calloc(n, sizeof(uint64_t));
	for (size_t i = 0; i < n + WARM; i++) {
		for (size_t c = 0; c < n_commands; c++) {
			uint64_t t = run(commands[c], &quiet);

			if (i >= WARM)
				took[c][i - WARM] = t;
		}
	}
	for (size_t c = 0; c < n_commands; c++)
		printf("%llu\n", (unsigned long long)percentile(took[c], n, 50));
	return 0;
}
