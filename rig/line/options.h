/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The options of rig-line. Threads: immutable after line_options_read. */
#ifndef RIG_LINE_OPTIONS_H
#define RIG_LINE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "rig/station/rest.h"

#define LINE_CHIPS_MAX   5000
#define LINE_SOCKETS_MAX 99

struct line_options {
    struct station_rest_options rest;
    const char *bin; /* folder of rig-chip and rig-station */
    const char *product;
    const char *image;     /* digest, or "latest" */
    const char *firmware;  /* what a chip's flash must hold in the end */
    const char *maker_key; /* that signs the chips' certificates, PEM */
    const char *product_id;
    const char *dir; /* must not hold chips yet */
    unsigned chips;
    unsigned sockets;
    bool has_demo_faults; /* a few of each kind; otherwise fault_count, 0 for none */
    unsigned fault_count;
    uint64_t seed;
    const char *json;           /* file for the account; NULL */
    const char *on_quota_spent; /* shell command; NULL */
};

/* False after a complaint on standard error. */
bool line_options_read(int argc, char **argv, struct line_options *ret_options);

#endif
