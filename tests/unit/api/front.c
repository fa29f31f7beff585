/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The fixture of the front end. One per test process. */
#include "front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <check.h>

#include "api/api_limits.h"
#include "core/log.h"
#include "support/pki.h"

#define HOUR_S 3600

struct front front;
static struct temp_dir pki_dir;
static struct pki *ca; /* between front_make_pki and front_remove_pki */

/* ---- certificates ---- */

const char *front_pki_path(const char *name, const char *ending)
{
    static _Thread_local char paths[4][TEMP_PATH_MAX];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    int n = snprintf(path, TEMP_PATH_MAX, "%s/%s.%s", pki_dir.path, name, ending);
    ck_assert_int_lt(n, TEMP_PATH_MAX);
    return path;
}

const char *front_pki_folder(void)
{
    return pki_dir.path;
}

static void write_pki(const struct pki *pki, const char *name)
{
    pki_write_certificate(pki, front_pki_path(name, "pem"));
    pki_write_key(pki, front_pki_path(name, "key"));
}

/* With its issuer's certificate behind its own, so many times. */
static void make_client_with_chain(const struct pki *issuer, const char *name, size_t times)
{
    struct pki *client = pki_client(issuer, name);
    char *chain = pki_chain((const struct pki *[]){client, issuer, issuer}, 1 + times);
    FILE *file = fopen(front_pki_path(name, "pem"), "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(chain, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    pki_write_key(client, front_pki_path(name, "key"));
    free(chain);
    pki_free(client);
}

static void make_client(const struct pki *issuer, const char *name,
                        const struct pki_options *options)
{
    struct pki *client = pki_new(issuer, options);
    write_pki(client, name);
    pki_free(client);
}

void front_make_pki(void)
{
    int64_t now = time(NULL);
    temp_dir_make(&pki_dir);
    ca = pki_root("Stations");
    struct pki *other = pki_root("Elsewhere");
    struct pki *server = pki_server(ca);
    write_pki(ca, "ca");
    write_pki(other, "other-ca");
    write_pki(server, "server");
    make_client(ca, "station",
                &(struct pki_options){.name = "station", .extended_key_usage = "clientAuth"});
    make_client(other, "stranger",
                &(struct pki_options){.name = "stranger", .extended_key_usage = "clientAuth"});
    make_client(ca, "server-only",
                &(struct pki_options){.name = "wrong", .extended_key_usage = "serverAuth"});
    make_client(
        ca, "agreement-only",
        &(struct pki_options){.name = "agreement-only", .key_usage = "critical,keyAgreement"});
    make_client(ca, "expired", &(struct pki_options){.name = "expired", .not_after = now - HOUR_S});
    make_client(ca, "early", &(struct pki_options){.name = "early", .not_before = now + HOUR_S});
    make_client(ca, "rsa", &(struct pki_options){.name = "rsa", .key = PKI_RSA_2048});
    make_client(ca, "p384", &(struct pki_options){.name = "p384", .key = PKI_P384});
    make_client(ca, "ed25519", &(struct pki_options){.name = "ed25519", .key = PKI_ED25519});
    make_client(ca, "forged", &(struct pki_options){.name = "forged", .is_forged = true});
    struct pki *middle = pki_new(ca, &(struct pki_options){.name = "Line", .is_ca = true});
    struct pki *second = pki_server(ca);
    make_client_with_chain(ca, "station-chain", 2);
    make_client_with_chain(middle, "below", 1);
    write_pki(middle, "middle");
    write_pki(second, "server-2");
    pki_free(second);
    pki_free(middle);
    pki_free(server);
    pki_free(other);
}

void front_make_server(const char *name, int64_t not_after)
{
    make_client(ca, name,
                &(struct pki_options){.name = "localhost",
                                      .not_after = not_after,
                                      .key_usage = "critical,digitalSignature",
                                      .extended_key_usage = "serverAuth",
                                      .alternative_names = "DNS:localhost,IP:127.0.0.1"});
}

void front_remove_pki(void)
{
    pki_free(ca);
    ca = NULL;
    temp_dir_remove(&pki_dir);
}

/* ---- life ---- */

static void write_image(void)
{
    FILE *file = fopen(front.image_path, "we");
    ck_assert_ptr_nonnull(file);
    for (unsigned i = 0; i < FRONT_IMAGE_BYTES; i++)
        (void)fputc((int)(i % 251), file);
    ck_assert_int_eq(fclose(file), 0);
}

void front_configure(void)
{
    memset(&front, 0, sizeof front);
    temp_dir_make(&front.dir);
    temp_dir_path(&front.dir, "image", front.image_path);
    temp_dir_path(&front.dir, "vault.sock", front.config.vault.socket);
    strcpy(front.config.api.listen, "127.0.0.1:0");
    strcpy(front.config.api.certificate, front_pki_path("server", "pem"));
    strcpy(front.config.api.key, front_pki_path("server", "key"));
    strcpy(front.config.api.client_ca, front_pki_path("ca", "pem"));
    front.config.api.connections = 512;
    front.config.api.connections_per_address = 512;
    front.config.api.handshakes_per_second = 100000;
    front.config.api.requests_per_second = 100000;
    front.config.api.request_burst = 100000;
    front.config.api.requests_waiting = 4096;
    front.config.api.header_max_bytes = 32768;
    front.config.api.body_max_bytes = API_BODY_MAX_BYTES;
    front.config.api.batch_max_bytes = API_BATCH_MAX_BYTES;
    front.config.api.bodies_max_bytes = 67108864;
    front.config.api.json_depth_max = API_JSON_DEPTH_MAX;
    front.config.api.chain_max_certificates = 5;
    front.config.api.receive_timeout_s = 30;
    front.config.api.idle_timeout_s = 60;
    front.config.api.vault_timeout_ms = 20000;
    write_image();
    log_init("test", LOG_LEVEL_ERROR);
}

void front_start_vault(void)
{
    front.vault = vault_peer_start(front.config.vault.socket, front.image_path, "ok");
}

void front_start_api(void)
{
    struct fault fault = {0};
    ck_assert_msg(api_new(&front.config, -1, &front.api, &fault) == ERR_OK, "%s", fault.detail);
    ck_assert_uint_ne(api_port(front.api), 0);
}

void front_start_without_vault(void)
{
    front_configure();
    front_start_api();
}

void front_start(void)
{
    front_start_without_vault();
    front_start_vault();
}

void front_stop(void)
{
    /* The peer first: it answers what it holds, so that the api has nothing to wait for. */
    vault_peer_stop(front.vault);
    api_free(front.api);
    temp_dir_remove(&front.dir);
    memset(&front, 0, sizeof front);
}
