/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fuzz target asserts, however it is compiled. */
#ifndef IMPROXY_TESTS_ENSURE_H
#define IMPROXY_TESTS_ENSURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ENSURE(cond)                                                                                                   \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                     \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Every target is this function; libFuzzer or replay_main.c calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
