/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the service manager how it goes: sd_notify(3), which is one datagram. */
#ifndef SALLYPORT_DAEMON_NOTIFY_H
#define SALLYPORT_DAEMON_NOTIFY_H

/* Lines like "READY=1\nSTATUS=...". Nothing happens where no manager asked for it. */
void notify(const char *state);

#endif
