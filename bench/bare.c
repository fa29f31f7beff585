/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Forks before any module is loaded; each child says when it is ready and is told when to begin. */
#include "bare.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sqlite3.h>

#include "core/clock.h"
#include "rig_token.h"

#define SECOND_US   1000000
#define KEK_BYTES   32
#define SECRET_MAX  66
#define WRAPPED_MAX 64
#define PATH_SIZE   (TEMP_PATH_MAX + 32)

/* ---- the certificates, made ready before anything is measured ---- */

struct der {
    unsigned char *bytes;
    int length;
};

static struct der leaf_of(const char *body)
{
    struct der der = {0};
    json_t *request = json_loads(body, 0, NULL);
    const char *pem =
        json_string_value(json_object_get(json_object_get(request, "device"), "certificate_chain"));
    ck_assert_ptr_nonnull(pem);
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *leaf = PEM_read_bio_X509(text, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(leaf);
    der.length = i2d_X509(leaf, &der.bytes);
    X509_free(leaf);
    BIO_free(text);
    json_decref(request);
    return der;
}

/* ---- one license ---- */

struct chain {
    struct token token;
    CK_OBJECT_HANDLE session_key;
    X509_STORE *anchors;
    EVP_KDF *kdf;
    sqlite3 *rows;
    sqlite3_stmt *insert;
};

static EVP_PKEY *verify(const struct chain *chain, const struct der *der)
{
    const unsigned char *at = der->bytes;
    X509 *leaf = d2i_X509(NULL, &at, der->length);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    ck_assert_int_eq(X509_STORE_CTX_init(context, chain->anchors, leaf, NULL), 1);
    ck_assert_int_eq(X509_verify_cert(context), 1);
    EVP_PKEY *key = X509_get_pubkey(leaf);
    ck_assert_ptr_nonnull(key);
    X509_STORE_CTX_free(context);
    X509_free(leaf);
    return key;
}

static size_t agree(EVP_PKEY *device, unsigned char secret[SECRET_MAX])
{
    size_t length = SECRET_MAX;
    EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ephemeral, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, device), 1); /* validates the point */
    ck_assert_int_eq(EVP_PKEY_derive(context, secret, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(ephemeral);
    return length;
}

static void derive(const struct chain *chain, unsigned char *secret, size_t length,
                   unsigned char kek[KEK_BYTES])
{
    static char digest[] = "SHA256";
    static unsigned char shared_info[] = "product, image and device";
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(chain->kdf);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret, length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, shared_info, sizeof shared_info),
        OSSL_PARAM_construct_end()};
    ck_assert_int_eq(EVP_KDF_derive(context, kek, KEK_BYTES, parameters), 1);
    EVP_KDF_CTX_free(context);
}

static CK_ULONG wrap(const struct chain *chain, unsigned char kek[KEK_BYTES],
                     unsigned char wrapped[WRAPPED_MAX])
{
    const struct token *token = &chain->token;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &no, sizeof no},
                               {CKA_WRAP, &yes, sizeof yes},
                               {CKA_VALUE, kek, KEK_BYTES}};
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ULONG length = WRAPPED_MAX;
    ck_assert_uint_eq(token->call->C_CreateObject(token->session, template, 5, &key), CKR_OK);
    ck_assert_uint_eq(token->call->C_WrapKey(token->session, &mechanism, key, chain->session_key,
                                             wrapped, &length),
                      CKR_OK);
    ck_assert_uint_eq(token->call->C_DestroyObject(token->session, key), CKR_OK);
    return length;
}

static void keep(struct chain *chain, size_t number, const unsigned char *wrapped, CK_ULONG length)
{
    ck_assert_int_eq(sqlite3_bind_int64(chain->insert, 1, (sqlite3_int64)number), SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_blob(chain->insert, 2, wrapped, (int)length, SQLITE_STATIC),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(chain->insert), SQLITE_DONE);
    ck_assert_int_eq(sqlite3_reset(chain->insert), SQLITE_OK);
}

static void license(struct chain *chain, size_t number, const struct der *der)
{
    unsigned char secret[SECRET_MAX];
    unsigned char kek[KEK_BYTES];
    unsigned char wrapped[WRAPPED_MAX];
    EVP_PKEY *device = verify(chain, der);
    derive(chain, secret, agree(device, secret), kek);
    keep(chain, number, wrapped, wrap(chain, kek, wrapped));
    EVP_PKEY_free(device);
}

/* ---- one process ---- */

static void execute(sqlite3 *rows, const char *sql)
{
    ck_assert_int_eq(sqlite3_exec(rows, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void open_rows(struct chain *chain, const char *path)
{
    ck_assert_int_eq(sqlite3_open(path, &chain->rows), SQLITE_OK);
    execute(chain->rows, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                         "CREATE TABLE license (device INTEGER PRIMARY KEY, wrapped BLOB)");
    ck_assert_int_eq(sqlite3_prepare_v2(chain->rows, "INSERT INTO license VALUES (?, ?)", -1,
                                        &chain->insert, NULL),
                     SQLITE_OK);
}

static void open_anchors(struct chain *chain, const struct rig *rig)
{
    FILE *file = fopen(rig->device_ca_cert, "re");
    ck_assert_ptr_nonnull(file);
    X509 *anchor = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    chain->anchors = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(chain->anchors, anchor), 1);
    X509_free(anchor);
}

static void open_chain(struct chain *chain, const struct rig *rig, size_t process)
{
    char path[PATH_SIZE];
    rig_token_open(rig, &chain->token);
    chain->session_key = rig_token_make_key(&chain->token, CKA_ENCRYPT, true);
    chain->kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_X963KDF, NULL);
    open_anchors(chain, rig);
    (void)snprintf(path, sizeof path, "%s/bare-%zu.db", rig->dir, process);
    open_rows(chain, path);
}

static void close_chain(struct chain *chain)
{
    (void)sqlite3_finalize(chain->insert);
    (void)sqlite3_close(chain->rows);
    X509_STORE_free(chain->anchors);
    EVP_KDF_free(chain->kdf);
    token_close(&chain->token);
}

static int64_t own_cpu_us(void)
{
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static void do_share(struct chain *chain, const struct bare *bare, size_t process,
                     const struct der *leaves)
{
    size_t open = 0;
    for (size_t i = process; i < bare->devices->count; i += bare->processes) {
        if (open++ == 0)
            execute(chain->rows, "BEGIN");
        license(chain, i, &leaves[i]);
        if (open == BARE_GROUP)
            open = (execute(chain->rows, "COMMIT"), 0);
    }
    if (open > 0)
        execute(chain->rows, "COMMIT");
}

struct process {
    pid_t pid;
    int to;
    int from;
};

static void be_process(const struct bare *bare, size_t process, const struct der *leaves, int in,
                       int out)
{
    struct chain chain = {0};
    char go = 0;
    const struct sched_param batch = {.sched_priority = 0};
    ck_assert_int_eq(sched_setscheduler(0, SCHED_BATCH, &batch), 0); /* as the product's units */
    open_chain(&chain, bare->rig, process);
    ck_assert_int_eq(write(out, "r", 1), 1);
    ck_assert_int_eq(read(in, &go, 1), 1);
    int64_t begin_us = own_cpu_us();
    do_share(&chain, bare, process, leaves);
    int64_t cpu_us = own_cpu_us() - begin_us;
    ck_assert_int_eq(write(out, &cpu_us, sizeof cpu_us), sizeof cpu_us);
    close_chain(&chain);
    _exit(EXIT_SUCCESS);
}

/* Returns when it is ready, so that no two log in at once. */
static struct process start(const struct bare *bare, size_t number, const struct der *leaves)
{
    int in[2];
    int out[2];
    char ready = 0;
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        be_process(bare, number, leaves, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    ck_assert_int_eq(read(out[0], &ready, 1), 1);
    return (struct process){.pid = pid, .to = in[1], .from = out[0]};
}

static void finish(const struct process *process, struct bare_result *result)
{
    int64_t cpu_us = 0;
    ck_assert_int_eq(read(process->from, &cpu_us, sizeof cpu_us), sizeof cpu_us);
    result->cpu_us += cpu_us;
}

static void end(const struct process *process)
{
    int status = 0;
    ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
    ck_assert_int_eq(status, 0);
    (void)close(process->to);
    (void)close(process->from);
}

void bare_run(const struct bare *bare, struct bare_result *ret_result)
{
    struct process processes[BARE_PROCESSES_MAX];
    struct der *leaves = calloc(bare->devices->count, sizeof *leaves);
    ck_assert_ptr_nonnull(leaves);
    ck_assert_uint_le(bare->processes, BARE_PROCESSES_MAX);
    for (size_t i = 0; i < bare->devices->count; i++)
        leaves[i] = leaf_of(bare->devices->bodies[i]);
    for (size_t i = 0; i < bare->processes; i++)
        processes[i] = start(bare, i, leaves);
    *ret_result = (struct bare_result){.licensed = bare->devices->count};
    int64_t begin_us = clock_monotonic_us();
    for (size_t i = 0; i < bare->processes; i++)
        ck_assert_int_eq(write(processes[i].to, "g", 1), 1);
    for (size_t i = 0; i < bare->processes; i++)
        finish(&processes[i], ret_result);
    ret_result->took_us = clock_monotonic_us() - begin_us;
    for (size_t i = 0; i < bare->processes; i++)
        end(&processes[i]);
    for (size_t i = 0; i < bare->devices->count; i++)
        OPENSSL_free(leaves[i].bytes);
    free(leaves);
}
