/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The small world of the ledger's tests: a ledger in a folder of its own with the product "widget",
 * one image and the stations "st-1" and "st-2". Helpers that must work fail the test themselves.
 */
#ifndef TESTS_LEDGER_WORLD_H
#define TESTS_LEDGER_WORLD_H

#include <check.h>

#include "ledger/ledger.h"
#include "support/temp_dir.h"

#define WORLD_PRODUCT "widget"
#define WORLD_BY      "uid:0"

struct world {
    struct temp_dir dir;
    char path[TEMP_PATH_MAX];
    struct ledger *ledger;
    struct fault fault; /* of the last helper that may fail */
    int64_t product_id;
    int64_t image_id;
    int64_t station_id;
};

/* Opens a new ledger with that quota. */
void world_make(struct world *world, int64_t quota);
/* The same without product, image and stations. */
void world_make_empty(struct world *world);
/* Adds product, image and stations, and reads their ids. */
void world_fill(struct world *world, int64_t quota);
/* Adds image and stations to the product that is there, and reads the ids. */
void world_equip(struct world *world);
/* Opens its file; no anchor is needed. */
enum error world_open(struct world *world);
/* Closes and opens again. */
void world_reopen(struct world *world);
/* Closes and removes everything. */
void world_end(struct world *world);

/* A digest that stands for the n-th key, image and so on; kinds do not collide. */
struct sha256 world_digest(char kind, int64_t n);
/* The n-th device: its key, and the serial "SN-<n>". */
struct ledger_device world_device(int64_t n);
/* The n-th image, with a session key of its own. */
struct ledger_image world_image(int64_t n);
/* Adds the n-th image and returns its id. */
int64_t world_add_image(struct world *world, int64_t n);

/* Enrols a principal with the n-th key; it is narrowed to nothing. */
enum error world_enrol(struct world *world, const char *name, enum ledger_role role, int64_t n);
/* Enables or disables a station. */
enum error world_switch(struct world *world, const char *name, bool is_enabled);
/* Issues image_id to the device with the license "license-<device>-<image>". */
enum error world_issue_image(struct world *world, const struct ledger_device *device,
                             int64_t image_id, struct ledger_issued *ret_issued);
/* The same for the world's image and the n-th device. */
enum error world_issue(struct world *world, int64_t n, struct ledger_issued *ret_issued);
enum error world_standing(struct world *world, const struct ledger_device *device,
                          enum ledger_standing *ret_standing);
enum error world_report(struct world *world, const struct uuid *install, enum ledger_result result);
struct ledger_usage world_usage(struct world *world);

/* A connection of its own to the database file; the caller closes it. */
struct sqlite3 *world_raw(const struct world *world);
/* One integer from the database file, through a connection of its own. */
int64_t world_number(const struct world *world, const char *query);
/* Runs SQL on a connection of its own and returns SQLite's extended code. */
int world_execute(const struct world *world, const char *sql);
/* The leaf at that index as text, in a buffer that the next call reuses. */
const char *world_leaf(const struct world *world, int64_t index);
/* Leaves whose text contains the words. */
int64_t world_leaves_with(const struct world *world, const char *words);

/* Recomputes the account of every product from the raw rows and compares: identities of the
 * account, counters, charges = distinct devices, no gap in the journal, one leaf per license; and
 * the journal's tree (naive_tree.h). */
void world_check_account(const struct world *world);

/* A check runner for one suite of one case; returns the exit status for main. */
int world_run(Suite *suite);

#endif
