/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes exports in the place of a vault, an HSM and a maker's officers: leaves are given as text,
 * the checkpoint is signed by a real key, documents are signed by the openssl command.
 *
 *     maker_init(&maker, &dir);                       leaves 0 and 1: start, initialised
 *     maker_leaf(&maker, "stop", "", "");
 *     maker_seal(&maker);                             signs the head over the leaves so far
 *     ... what is done to leaves from now on is tampering ...
 *     maker_write(&maker, path);
 *
 * Accounts are the test's own numbers, so that whoever audits the export is judged by another count
 * than its own. Whatever cannot be made fails the test. Threads: one.
 */
#ifndef TESTS_UNIT_AUDIT_MAKER_H
#define TESTS_UNIT_AUDIT_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include "../journal/signer.h"
#include "journal/export.h"
#include "support/pki.h"
#include "support/temp_dir.h"

#define MAKER_SITE     "factory-7"
#define MAKER_OFFICERS 4
#define MAKER_ACCOUNTS 8
#define MAKER_TEXT     8192
#define MAKER_BEGIN_MS INT64_C(1795788000000) /* 2026-11-27T14:00:00.000Z */

struct maker {
    const struct temp_dir *dir;
    struct signer signer;
    struct sha256 hsm;
    char hsm_hex[SHA256_HEX_SIZE];
    struct pki *officers[MAKER_OFFICERS]; /* made when they are needed */
    char **leaves;
    size_t leaf_count;
    struct bytes *documents; /* data is owned */
    size_t document_count;
    struct export_account accounts[MAKER_ACCOUNTS];
    size_t account_count;
    int64_t time_ms; /* of the next leaf, which moves it by a second */
    char note[CHECKPOINT_NOTE_MAX];
};

void maker_init(struct maker *maker, const struct temp_dir *dir);
void maker_clear(struct maker *maker);

/* ---- leaves ---- */

/*
 * One leaf: before and behind are its other fields, sorted, as text: `"clean":true,` stands before
 * "time" and `,"unit":"..."` behind "type". Returns its index.
 */
size_t maker_leaf(struct maker *maker, const char *type, const char *before, const char *behind);
/* The exact bytes. */
size_t maker_raw(struct maker *maker, const char *text);
/* Formats into a buffer of the caller's; for the texts above. */
#define MAKER_FORMAT(...) maker_format((char[MAKER_TEXT]){0}, __VA_ARGS__)
const char *maker_format(char out[MAKER_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A local product, and the station st-1 and the image 1 to serve it with. */
void maker_local_product(struct maker *maker, const char *product, int64_t quota,
                         const char *policy);
void maker_station(struct maker *maker, const char *name);
void maker_image(struct maker *maker, const char *product, unsigned image);

/* What a license is about; all is made of numbers. */
struct maker_license {
    const char *product;
    unsigned device;
    unsigned image;
    unsigned install;
    unsigned unit;       /* install that the unit was taken for; 0: charged */
    unsigned attempt;    /* from 2: a repeat */
    const char *station; /* NULL: st-1 */
    const char *lot;     /* NULL: none */
    const char *line;    /* NULL: none */
};
size_t maker_license(struct maker *maker, const struct maker_license *license);
/* extra stands before "station": `,"scrap_drawn":true`. */
size_t maker_outcome(struct maker *maker, unsigned install, const char *result, unsigned attempt,
                     const char *extra);
/* "00000000-0000-7000-8000-<12 digits>" */
const char *maker_uuid(unsigned number, char out[37]);
/* 64 hex digits of a number and of what it is the number of. */
const char *maker_digest(const char *what, unsigned number, char out[SHA256_HEX_SIZE]);

/* ---- the file ---- */

struct export_account *maker_account(struct maker *maker, const char *product);
void maker_seal(struct maker *maker);
void maker_write(struct maker *maker, const char *path);

/* Frees and takes away a leaf, puts a text in another one's place, or swaps two. */
void maker_remove(struct maker *maker, size_t leaf);
void maker_insert(struct maker *maker, size_t leaf, const char *text);
void maker_swap(struct maker *maker, size_t a, size_t b);
/* Replaces one text by another of any length in a leaf; fails when it is not there. */
void maker_replace(struct maker *maker, size_t leaf, const char *from, const char *to);

#endif
