/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Tile names, strictly one for each tile. Owns no state. */
#include "journal/tile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/tree.h"

#define GROUP      1000 /* three digits of an index */
#define GROUPS_MAX 5    /* 2^40 / 256 has ten digits */

void tile_name(const struct tile *tile, char out[TILE_NAME_SIZE])
{
    int64_t groups[GROUPS_MAX];
    size_t count = 0;
    int64_t rest = tile->index;
    int at = tile->is_entries ? snprintf(out, TILE_NAME_SIZE, "entries/")
                              : snprintf(out, TILE_NAME_SIZE, "%u/", tile->level % 64);
    do {
        groups[count++] = rest % GROUP;
        rest /= GROUP;
    } while (rest > 0 && count < GROUPS_MAX);
    for (size_t i = count; i > 0; i--)
        at += snprintf(out + at, TILE_NAME_SIZE - (size_t)at, "%s%03d%s", i > 1 ? "x" : "",
                       (int)groups[i - 1], i > 1 ? "/" : "");
    if (tile->width < TREE_TILE_WIDTH)
        (void)snprintf(out + at, TILE_NAME_SIZE - (size_t)at, ".p/%u", tile->width % 1000);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "entries/" or "<L>/"; NULL when it is neither. */
static const char *read_kind(const char *name, struct tile *tile)
{
    if (strncmp(name, "entries/", strlen("entries/")) == 0) {
        tile->is_entries = true;
        return name + strlen("entries/");
    }
    if (!is_digit(name[0]) || name[1] != '/' || (unsigned)(name[0] - '0') >= TREE_LEVELS)
        return NULL;
    tile->level = (unsigned)(name[0] - '0');
    return name + 2;
}

/* Groups of three digits, all but the last with an x before and a slash behind. */
static const char *read_index(const char *at, struct tile *tile)
{
    for (int groups = 0; groups < GROUPS_MAX; groups++) {
        bool is_last = at[0] != 'x';
        at += is_last ? 0 : 1;
        if (!is_digit(at[0]) || !is_digit(at[1]) || !is_digit(at[2]))
            return NULL;
        int group = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
        tile->index = tile->index * GROUP + group;
        at += 3;
        if (is_last)
            return at;
        if (*at++ != '/')
            return NULL;
    }
    return NULL;
}

static bool read_width(const char *at, struct tile *tile)
{
    char *end = NULL;
    tile->width = TREE_TILE_WIDTH;
    if (at[0] == '\0')
        return true;
    if (strncmp(at, ".p/", strlen(".p/")) != 0 || !is_digit(at[3]))
        return false;
    unsigned long width = strtoul(at + 3, &end, 10);
    tile->width = (unsigned)width;
    return *end == '\0' && width >= 1 && width < TREE_TILE_WIDTH;
}

bool tile_parse(const char *name, struct tile *ret_tile)
{
    struct tile tile = {.width = 0};
    char canonical[TILE_NAME_SIZE];
    const char *at = read_kind(name, &tile);
    at = at != NULL ? read_index(at, &tile) : NULL;
    if (at == NULL || !read_width(at, &tile) || tile.index >= TREE_SIZE_MAX / TREE_TILE_WIDTH)
        return false;
    tile_name(&tile, canonical); /* leading zeros and empty groups have no name */
    if (strcmp(canonical, name) != 0)
        return false;
    *ret_tile = tile;
    return true;
}

bool tile_exists(const struct tile *tile, int64_t size)
{
    if (tile->width < 1 || tile->width > TREE_TILE_WIDTH || tile->index < 0 ||
        tile->index >= TREE_SIZE_MAX / TREE_TILE_WIDTH || tile->level >= TREE_LEVELS ||
        (tile->is_entries && tile->level != 0))
        return false;
    return tile->index * TREE_TILE_WIDTH + tile->width <= size >> (TREE_TILE_HEIGHT * tile->level);
}
