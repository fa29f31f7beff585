/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which client certificates their CA has revoked.
 *
 * One PEM file holds the lists of all CAs; each list must be signed by a certificate of the client
 * CA file. The file is read again when it changes. One that cannot be used leaves the lists that
 * are in force as they are, and so does a list whose next update is overdue: revocation fails
 * towards serving, aloud. What the lists say is kept as a sorted table of hashes, so that a check
 * costs the same whatever their size.
 *
 * Threads: crl_look, crl_check_progress and crl_adopt one at a time; the rest from any.
 */
#ifndef API_CRL_H
#define API_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "core/bytes.h"
#include "core/error.h"

struct crl;

enum crl_condition {
    CRL_NONE,    /* none is configured */
    CRL_OK,      /* what the file says is in force */
    CRL_BROKEN,  /* the file cannot be used; what it said before is in force */
    CRL_EXPIRED, /* a list in force should have been replaced by now; told before CRL_BROKEN */
};

struct crl_state {
    enum crl_condition condition;
    bool is_broken;
    uint64_t entries;
    int64_t next_update_unix_s; /* the earliest of the lists; 0: they do not say */
};

/*
 * Reads path ("": no lists), which is borrowed until crl_free or until another is adopted;
 * client_ca is the PEM text of the CA file, borrowed for the call. ERR_CONFIG with a sentence when
 * the file cannot be used.
 */
enum error crl_new(const char *path, const char *client_ca, struct crl **ret_crl,
                   struct fault *fault) MUST_USE;
/* NULL is allowed. */
void crl_free(struct crl *crl);

/* Whether fresh says at least what crl says, as a file that changes must: ERR_CONFIG otherwise. Not
 * beside crl_look. */
enum error crl_check_progress(struct crl *fresh, const struct crl *crl,
                              struct fault *fault) MUST_USE;
/* What fresh holds is in force from now on, and its file is looked at; fresh is freed. Not beside
 * crl_look. */
void crl_adopt(struct crl *crl, struct crl *fresh);

/* Reads the file when it changed, and logs what is wrong with it: once, an overdue list hourly. */
void crl_look(struct crl *crl);

/* Moves on whenever what is revoked may have changed; never 0. */
unsigned crl_generation(struct crl *crl);
/* The name under which the lists know a certificate: its issuer and serial number. */
bool crl_name(gnutls_x509_crt_t certificate, struct sha256 *ret_name);
/* Whether any of the names is on a list. */
bool crl_holds_any(struct crl *crl, const struct sha256 *names, size_t count);

struct crl_state crl_state(struct crl *crl);

#endif
