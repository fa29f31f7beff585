/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files that [api] names, read and checked together: what a start, a reload and --check have in
 * common. Threads: a value.
 */
#ifndef API_TLS_FILES_H
#define API_TLS_FILES_H

#include "api/crl.h"
#include "api/server_certificate.h"
#include "api/tls.h"
#include "api/trust.h"
#include "config/config.h"
#include "core/error.h"

struct tls_files {
    struct server_certificate *certificate;
    struct tls_client_ca ca;
    struct trust *trust;
    struct crl *crl;
};

/* ERR_CONFIG with a sentence. config is borrowed by what is made of it. */
enum error tls_files_load(const struct config_api *config, struct tls_files *ret_files,
                          struct fault *fault) MUST_USE;
/* Whoever takes a member over sets it to NULL. */
void tls_files_clear(struct tls_files *files);

#endif
