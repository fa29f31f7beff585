/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * docs/problems.md, embedded at build time (cmake/embed.cmake), so that a server explains the
 * problems of its own version. Threads: constants.
 */
#ifndef API_PROBLEMS_MD_H
#define API_PROBLEMS_MD_H

#include <stddef.h>

extern const unsigned char PROBLEMS_MD[]; /* no NUL at its end */
extern const size_t PROBLEMS_MD_LENGTH;

#endif
