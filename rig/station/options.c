/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of rig-station's command line. */
#include "rig/station/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig/station/option_number.h"
#include "rig/station/memory.h"

#define TRIES_DEFAULT 3

static const char USAGE[] =
    "usage: rig-station --url https://HOST[:PORT] --ca FILE --cert FILE --key FILE\n"
    "           --product NAME --image DIGEST|latest --work DIR --sockets K\n"
    "           [--tries N] [--retry-seconds N] [--die-at-step N]\n"
    "Chips to install are lines \"NAME SOCKETPATH\" on standard input; events are lines on\n"
    "standard output. Exit code: 0 done or set aside, 10 quota spent, 20 service unreachable,\n"
    "1 a chip failed, 64 wrong options.\n";

enum { URL, CA, CERT, KEY, PRODUCT, IMAGE, WORK, SOCKETS, TRIES, RETRY, DIE_AT, OPTIONS };

static const struct option LONG_OPTIONS[] = {
    {"url", required_argument, NULL, URL},
    {"ca", required_argument, NULL, CA},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"product", required_argument, NULL, PRODUCT},
    {"image", required_argument, NULL, IMAGE},
    {"work", required_argument, NULL, WORK},
    {"sockets", required_argument, NULL, SOCKETS},
    {"tries", required_argument, NULL, TRIES},
    {"retry-seconds", required_argument, NULL, RETRY},
    {"die-at-step", required_argument, NULL, DIE_AT},
    {NULL, 0, NULL, 0},
};

static bool read_image(const char *text, struct station_options *options)
{
    options->has_image = text != NULL && strcmp(text, "latest") != 0;
    return text != NULL && (!options->has_image || image_reference_parse(text, &options->image));
}

static bool read_numbers(const char *const *values, struct station_options *options)
{
    uint64_t sockets = 1;
    uint64_t tries = TRIES_DEFAULT;
    uint64_t retry = STATION_REST_RETRY_DEFAULT_MS / 1000;
    uint64_t die_at = 0;
    if (!option_number(values[SOCKETS], 1, STATION_SOCKETS_MAX, &sockets) ||
        !option_number(values[TRIES], 1, STATION_TRIES_MAX, &tries) ||
        !option_number(values[RETRY], 0, 3600, &retry) ||
        !option_number(values[DIE_AT], 1, UINT32_MAX, &die_at))
        return false;
    options->sockets = (unsigned)sockets;
    options->tries = (unsigned)tries;
    options->rest.retry_ms = (int64_t)retry * 1000;
    options->die_at_step = (unsigned long)die_at;
    return true;
}

static bool fill(const char *const *values, struct station_options *options)
{
    const int needed[] = {URL, CA, CERT, KEY, PRODUCT, IMAGE, WORK};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (values[needed[i]] == NULL)
            return false;
    }
    options->rest = (struct station_rest_options){
        .url = values[URL], .ca = values[CA], .certificate = values[CERT], .key = values[KEY]};
    options->product = values[PRODUCT];
    options->work = values[WORK];
    return name_is_valid(options->product, STATION_PRODUCT_SIZE - 1) &&
           read_image(values[IMAGE], options) && read_numbers(values, options);
}

bool station_options_read(int argc, char **argv, struct station_options *ret_options)
{
    const char *values[OPTIONS] = {NULL};
    struct station_options options = {.sockets = 1};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) != -1) {
        if (option < 0 || option >= OPTIONS)
            break;
        values[option] = optarg;
    }
    if (option != -1 || optind != argc || !fill(values, &options)) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    *ret_options = options;
    return true;
}
