/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Officers with keys and certificates in a folder, and the openssl command line with which they
 * sign there. What cannot be made fails the test. Threads: one per test.
 */
#ifndef TESTS_UNIT_GRANT_CEREMONY_H
#define TESTS_UNIT_GRANT_CEREMONY_H

#include <stddef.h>

#include "grant/signed_document.h"
#include "support/temp_dir.h"

#define CEREMONY_FILE_MAX ((size_t)256 * 1024)

struct ceremony {
    struct temp_dir dir;
};

void ceremony_begin(struct ceremony *ceremony);
void ceremony_end(struct ceremony *ceremony);

/* Runs a line of the shell in the folder; its output is shown when it fails. */
void ceremony_run(const struct ceremony *ceremony, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Makes NAME.key and NAME.pem. key_options are those of openssl genpkey ("-algorithm ed25519").
 * certificate_options are more of openssl req ("-set_serial 7"); the subject is CN=NAME unless they
 * say otherwise.
 */
void ceremony_officer(const struct ceremony *ceremony, const char *name, const char *key_options,
                      const char *certificate_options);
/* With a P-256 key. */
void ceremony_officer_p256(const struct ceremony *ceremony, const char *name);

void ceremony_write(const struct ceremony *ceremony, const char *file, const void *data,
                    size_t length);
/* Into static memory that the next call uses again; a NUL follows the last byte. */
struct bytes ceremony_read(const struct ceremony *ceremony, const char *file);

/* The set of those whose certificates are NAME.pem; names end with NULL. */
struct authority_set *ceremony_set(const struct ceremony *ceremony, unsigned threshold,
                                   const char *const *names);
#define CEREMONY_SET(ceremony, threshold, ...) \
    ceremony_set((ceremony), (threshold), (const char *const[]){__VA_ARGS__, NULL})

#endif
