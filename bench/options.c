/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

#include "options.h"

#include <string.h>

static bool choose(struct options *options, const char *word, const char *const words[],
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return options->has_words = options->is_chosen[i] = true;
    }
    return false;
}

bool options_take(int argc, const char *const argv[], const char *const words[], size_t count,
                  struct options *ret_options)
{
    struct options options = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            options.is_quick = true;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc && argv[i + 1][0] != '\0')
            options.json = argv[++i];
        else if (!choose(&options, argv[i], words, count))
            return false;
    }
    *ret_options = options;
    return true;
}
