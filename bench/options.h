/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What `./dev bench` was asked for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_WORDS_MAX 16

struct options {
    bool is_quick;
    const char *json; /* NULL: no file; borrowed */
    bool is_chosen[OPTIONS_WORDS_MAX];
    bool has_words; /* without one all are meant, and none is chosen */
};

/* words: what may be asked for. False: something else was. */
bool options_take(int argc, const char *const argv[], const char *const words[], size_t count,
                  struct options *ret_options);

#endif
