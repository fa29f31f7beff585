/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of tiles (C2SP tlog-tiles): what of the tree an HTTP path means.
 *
 *     tile/<L>/<N>[.p/<W>]         W hashes of level L from 256·N on; 256 without .p
 *     tile/entries/<N>[.p/<W>]     W entries from 256·N on, each u16 length ‖ bytes
 *
 * N is in groups of three digits, all but the last with an x before: 1234067 is x001/x234/067.
 * Threads: pure functions.
 */
#ifndef JOURNAL_TILE_H
#define JOURNAL_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define TILE_NAME_SIZE 64 /* with NUL */

struct tile {
    bool is_entries; /* level is 0 then */
    unsigned level;  /* 0 to TREE_LEVELS - 1 */
    int64_t index;
    unsigned width; /* 1 to 256 */
};

/* Exactly the forms above, below "tile/": "0/x001/067", "entries/067.p/12". False otherwise. */
bool tile_parse(const char *name, struct tile *ret_tile);
/* The reverse. */
void tile_name(const struct tile *tile, char out[TILE_NAME_SIZE]);
/* Whether a log of size leaves has all that the tile holds. */
bool tile_exists(const struct tile *tile, int64_t size);

#endif
