/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file - whole text files: the configuration is read and saved by them. A file is replaced at once or not at all, so
 * that neither a full disk nor a power cut leaves half a configuration behind.
 */
#ifndef IMPROXY_SYS_FILE_H
#define IMPROXY_SYS_FILE_H

#include <stddef.h>

#define FILE_TEXT_MAX (16u << 20) /* octets of a file that is read */

/*
 * What may be read. FILE_READY: a regular file or /dev/null, which hold up nobody. FILE_ANY: also what has to be waited
 * for, as a pipe.
 */
enum file_kind { FILE_READY, FILE_ANY };

/*
 * Reads a file into `*text`, NUL-terminated and the caller's to free; whether it holds other NULs `*len` shows. Returns
 * 0, -ENOTSUP when it is not of the kind, -EFBIG when it is larger than FILE_TEXT_MAX, -EINTR when SIGTERM or SIGINT,
 * if they are handled, end the waiting, or another -errno.
 */
int file_read(const char *path, enum file_kind kind, char **text, size_t *len);

/*
 * Replaces a file, or makes it (mode 0640), by way of a temporary file in the same directory that is synced and
 * renamed. Mode and owner of a file that was there are kept, as far as this process may; a symbolic link stays one, and
 * what it leads to is replaced. Returns 0 or -errno; the old file is then as it was.
 */
int file_write(const char *path, const char *text);

#endif
