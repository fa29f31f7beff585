/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A front end to test: certificates, configuration, the vault's peer and the api, in this process.
 *
 * front_make_pki and front_remove_pki are for an unchecked fixture (once, before check forks);
 * front_start and front_stop for a checked one. Threads: one.
 */
#ifndef TESTS_UNIT_API_FRONT_H
#define TESTS_UNIT_API_FRONT_H

#include "api/api.h"
#include "config/config.h"
#include "core/bytes.h"
#include "support/temp_dir.h"
#include "vault_peer.h"

#define FRONT_IMAGE_BYTES 100000 /* byte i of the image is i % 251 */

struct front {
    struct temp_dir dir;
    struct config config;
    struct vault_peer *vault; /* NULL after front_start_without_vault */
    struct api *api;
    char image_path[TEMP_PATH_MAX];
};

extern struct front front;

/* ca, other-ca, server, and clients: station, rsa, p384, ed25519, expired, early, … */
void front_make_pki(void);
void front_remove_pki(void);
/* One more server certificate of ca, for a test. */
void front_make_server(const char *name, int64_t not_after);
/* The path of "<name>.pem" or "<name>.key" made by front_make_pki. */
const char *front_pki_path(const char *name, const char *ending);

/* The folder of them all. */
const char *front_pki_folder(void);

void front_start(void);
void front_stop(void);
void front_start_without_vault(void);
void front_start_vault(void);
/* The configuration of front_start, with nothing running; the peer's socket is set. */
void front_configure(void);
void front_start_api(void);

#endif
