/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

enum error confirm(const struct arguments *arguments, const struct confirmation *confirmation,
                   struct failure *failure)
{
    char line[WORD_MAX] = "";
    if (arguments_has(arguments, OPTION_YES))
        return ERR_OK;
    /* On standard error: the result alone is the output. */
    (void)fprintf(stderr, "%sType %s to go on: ", confirmation->meaning, confirmation->word);
    if (fgets(line, sizeof line, stdin) != NULL)
        line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, confirmation->word) == 0)
        return ERR_OK;
    return failure_set_usage(failure, "%s: the word is %s, or give --yes", confirmation->kept,
                             confirmation->word);
}
