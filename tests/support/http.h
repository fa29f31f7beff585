/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A programming station as tests need it: HTTPS requests with a client certificate through libcurl.
 * Threads: independent calls may run in parallel after http_init.
 */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <jansson.h>
#include <stddef.h>

#include "core/bytes.h"
#include "support/rig.h"

struct http_request {
    const char *method; /* "GET", "POST" */
    const char *path;   /* "/v1/licenses" */
    const char *body;   /* JSON; NULL for none */
    size_t body_length; /* 0: the length of the text */
    const char *accept; /* NULL: application/json */
    const char *range;  /* "0-99"; NULL for none */
    const char *cert;   /* NULL: the rig's station; "" for no certificate */
    const char *key;
    long timeout_s; /* 0: a minute */
};

struct http_answer {
    long status; /* 0: no answer at all */
    char *body;  /* with a NUL behind it */
    size_t length;
    char *headers; /* as they came, with a NUL */
    size_t headers_length;
    json_t *json; /* the body, when it is JSON; else NULL */
};

/* Once per process, before threads. */
void http_init(void);
/* Never fails the test: no answer is status 0. Clear with http_answer_clear. */
void http_send(const struct rig *rig, const struct http_request *request,
               struct http_answer *ret_answer);
void http_answer_clear(struct http_answer *answer);

/* A member of the JSON answer as text, or "" when it is missing. Borrowed. */
const char *http_text(const struct http_answer *answer, const char *member);
/* A member of the JSON answer as a number; true is 1; -1 when it is missing. */
json_int_t http_number(const struct http_answer *answer, const char *member);
/* The problem's name: what follows the last slash of "type", or "" when it is no problem. */
const char *http_problem(const struct http_answer *answer);

/* POST /v1/licenses for the rig's product; image NULL is "latest". */
void http_license(const struct rig *rig, const char *chain_pem, const char *image,
                  struct http_answer *ret_answer);
/* The same for another product whose devices show a certificate chain. */
void http_license_of(const struct rig *rig, const char *product, const char *chain_pem,
                     const char *image, struct http_answer *ret_answer);
/* The same for the rig's product of chips; certificate is what the chip showed. */
void http_st_license(const struct rig *rig, struct bytes certificate,
                     struct http_answer *ret_answer);
/* POST /v1/installs/{install_id}/outcome. */
void http_outcome(const struct rig *rig, const char *install_id, const char *result,
                  struct http_answer *ret_answer);

#endif
