/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output of one reply on the terminal: straight, or through a pager once it turns out to be longer than the screen.
 * What comes slowly (a stream) goes straight as well.
 */
#ifndef IMPROXY_VTYSH_PAGER_H
#define IMPROXY_VTYSH_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pager {
	long rows;            /* start the pager after this many; 0: never */
	void (*before)(void); /* called before the pager takes the terminal */
	char *hold;
	size_t held, size;
	int64_t held_since_ms;
	long held_rows, held_column, columns;
	bool straight;
	pid_t pid; /* 0: not running */
	int fd;
};

/* `rows`: as `terminal length`, negative for the height of the screen. `before` lends the terminal to the pager. */
void pager_begin(struct pager *p, long rows, void (*before)(void));

/* Returns false when nobody reads any more: the user has left the pager. */
bool pager_write(struct pager *p, const char *buf, size_t len);

/* Milliseconds until pager_flush() should be called; negative: nothing is held. */
int pager_left_ms(const struct pager *p);

/* Shows what is held, and the rest without a pager. */
void pager_flush(struct pager *p);

/* Shows the rest, waits for the user to leave the pager. Returns true when there was one. */
bool pager_end(struct pager *p);

#endif
