/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a vault for tests. */
#include "vault_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>
#include <sqlite3.h>

#include "core/frame.h"
#include "core/log.h"

#define ANSWER_TIMEOUT_MS 60000
#define READY_TIMEOUT_MS  30000

static const struct {
    const char *name;
    int64_t quota;
} PRODUCTS[] = {{"widget", VAULT_RIG_WIDGETS}, {"gadget", VAULT_RIG_GADGETS}};

char *vault_rig_text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

ProtobufCBinaryData vault_rig_data(const void *bytes, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)bytes};
}

/* ---- life ---- */

void vault_rig_make(struct vault_rig *rig)
{
    char path[TEMP_PATH_MAX];
    *rig = (struct vault_rig){0};
    log_init("test", LOG_LEVEL_ERROR);
    hsm_rig_run(&rig->hsm);
    struct config_vault *vault = &rig->config.vault;
    strcpy(rig->config.hsm.socket, rig->hsm.socket);
    temp_dir_path(&rig->hsm.dir, "station.sock", path);
    strcpy(vault->socket, path);
    temp_dir_path(&rig->hsm.dir, "admin.sock", path);
    strcpy(vault->admin_socket, path);
    temp_dir_path(&rig->hsm.dir, "ledger.db", path);
    strcpy(vault->ledger, path);
    temp_dir_path(&rig->hsm.dir, "images", path);
    strcpy(vault->images, path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    strcpy(vault->client_user, "root");
    vault->threads = 8;
    vault->queue = 1024;
    vault->queue_per_caller = 128;
    vault->unanchored_max = 128;
    vault->checkpoint_interval_ms = 50;
    vault->anchor_interval_s = 1;
    rig->maker = pki_root("Maker");
    rig->stranger = pki_root("Stranger");
}

void vault_rig_stop(struct vault_rig *rig)
{
    vault_client_free(rig->admin);
    rig->admin = NULL;
    vault_free(rig->vault);
    rig->vault = NULL;
}

void vault_rig_remove(struct vault_rig *rig)
{
    vault_rig_stop(rig);
    hsm_rig_remove(&rig->hsm);
    pki_free(rig->maker);
    pki_free(rig->stranger);
}

/* ---- the admin socket ---- */

Provisiond__AdminReply *vault_rig_administer(struct vault_rig *rig,
                                             const Provisiond__AdminRequest *request, int file,
                                             enum error expected)
{
    struct fault fault = {0};
    Provisiond__AdminReply *reply = NULL;
    enum error e = vault_admin_call(rig->admin, request, file, deadline_in(ANSWER_TIMEOUT_MS),
                                    &reply, NULL, &fault);
    ck_assert_msg(e == expected, "operation %d: %s %s %s", (int)request->op_case, error_name(e),
                  fault.reason, fault.detail);
    return reply;
}

static void administer(struct vault_rig *rig, const Provisiond__AdminRequest *request, int file)
{
    vault_admin_reply_free(vault_rig_administer(rig, request, file, ERR_OK));
}

static void init(struct vault_rig *rig)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__AdminInitRequest asked = PROVISIOND__ADMIN_INIT_REQUEST__INIT;
    asked.site = vault_rig_text("site-1");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_INIT;
    request.init = &asked;
    administer(rig, &request, -1);
}

static void make_product(struct vault_rig *rig, const char *name, int64_t quota)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__ProductCreateRequest asked = PROVISIOND__PRODUCT_CREATE_REQUEST__INIT;
    const char *pem = pki_certificate(rig->maker);
    asked.name = vault_rig_text(name);
    asked.profile = vault_rig_text("cms");
    asked.quota = quota;
    asked.anchors = vault_rig_data(pem, strlen(pem));
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE;
    request.product_create = &asked;
    administer(rig, &request, -1);
}

static struct sha256 make_image(struct vault_rig *rig, const char *product)
{
    struct sha256 digest;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__ImageEncryptRequest asked = PROVISIOND__IMAGE_ENCRYPT_REQUEST__INIT;
    asked.product = vault_rig_text(product);
    asked.label = vault_rig_text("1.0");
    asked.format = vault_rig_text("cms");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT;
    request.image_encrypt = &asked;
    int clear = hsm_rig_make_file(product, strlen(product));
    Provisiond__AdminReply *reply = vault_rig_administer(rig, &request, clear, ERR_OK);
    memcpy(digest.bytes, reply->image_encrypt->image.data, SHA256_SIZE);
    vault_admin_reply_free(reply);
    (void)close(clear);
    return digest;
}

/* "a b" into names; *copy is freed by the caller. */
static size_t split(const char *names, char **copy, char *out[], size_t max)
{
    size_t count = 0;
    char *rest = NULL;
    *copy = strdup(names != NULL ? names : "");
    ck_assert_ptr_nonnull(*copy);
    for (char *name = strtok_r(*copy, " ", &rest); name != NULL;
         name = strtok_r(NULL, " ", &rest)) {
        ck_assert_uint_lt(count, max);
        out[count++] = name;
    }
    return count;
}

#define ENROL_NAMES_MAX 40

struct sha256 vault_rig_enrol(struct vault_rig *rig, const char *name, Provisiond__Role role,
                              const char *products, const char *lines)
{
    struct sha256 spki;
    char *copies[2];
    char *product_names[ENROL_NAMES_MAX];
    char *line_names[ENROL_NAMES_MAX];
    struct pki *client = pki_client(rig->maker, name);
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalAddRequest asked = PROVISIOND__PRINCIPAL_ADD_REQUEST__INIT;
    const char *pem = pki_certificate(client);
    asked.name = vault_rig_text(name);
    asked.role = role;
    asked.certificate = vault_rig_data(pem, strlen(pem));
    asked.n_products = split(products, &copies[0], product_names, ENROL_NAMES_MAX);
    asked.products = product_names;
    asked.n_lines = split(lines, &copies[1], line_names, ENROL_NAMES_MAX);
    asked.lines = line_names;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD;
    request.principal_add = &asked;
    Provisiond__AdminReply *reply = vault_rig_administer(rig, &request, -1, ERR_OK);
    ck_assert_uint_eq(reply->principal_add->spki.len, SHA256_SIZE);
    memcpy(spki.bytes, reply->principal_add->spki.data, SHA256_SIZE);
    vault_admin_reply_free(reply);
    free(copies[0]);
    free(copies[1]);
    pki_free(client);
    return spki;
}

struct sha256 vault_rig_add_key(struct vault_rig *rig, const char *name)
{
    struct sha256 spki;
    struct pki *client = pki_client(rig->maker, name);
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalKeyRequest asked = PROVISIOND__PRINCIPAL_KEY_REQUEST__INIT;
    const char *pem = pki_certificate(client);
    asked.name = vault_rig_text(name);
    asked.certificate = vault_rig_data(pem, strlen(pem));
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_KEY;
    request.principal_key = &asked;
    Provisiond__AdminReply *reply = vault_rig_administer(rig, &request, -1, ERR_OK);
    memcpy(spki.bytes, reply->principal_key->spki.data, SHA256_SIZE);
    vault_admin_reply_free(reply);
    pki_free(client);
    return spki;
}

void vault_rig_remove_key(struct vault_rig *rig, const char *name, const struct sha256 *spki)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalKeyRequest asked = PROVISIOND__PRINCIPAL_KEY_REQUEST__INIT;
    asked.name = vault_rig_text(name);
    asked.remove_spki = vault_rig_data(spki->bytes, SHA256_SIZE);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_KEY;
    request.principal_key = &asked;
    administer(rig, &request, -1);
}

void vault_rig_enable(struct vault_rig *rig, const char *name, bool is_enabled)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__PrincipalEnableRequest asked = PROVISIOND__PRINCIPAL_ENABLE_REQUEST__INIT;
    asked.name = vault_rig_text(name);
    asked.enabled = is_enabled;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ENABLE;
    request.principal_enable = &asked;
    administer(rig, &request, -1);
}

void vault_rig_add_quota(struct vault_rig *rig, const char *product, int64_t units)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__QuotaAddRequest asked = PROVISIOND__QUOTA_ADD_REQUEST__INIT;
    asked.product = vault_rig_text(product);
    asked.units = units;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD;
    request.quota_add = &asked;
    administer(rig, &request, -1);
}

/* ---- the station socket ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static Provisiond__StationReply *exchange(int fd, struct bytes payload)
{
    struct frame frame;
    ck_assert_int_eq(frame_send(fd, 1, payload, NULL, 0, deadline_in(ANSWER_TIMEOUT_MS)), ERR_OK);
    ck_assert_int_eq(frame_receive(fd, VAULT_REPLY_MAX_BYTES, true, ANSWER_TIMEOUT_MS,
                                   ANSWER_TIMEOUT_MS, &frame),
                     ERR_OK);
    Provisiond__StationReply *reply =
        provisiond__station_reply__unpack(NULL, frame.length, frame.payload);
    ck_assert_ptr_nonnull(reply);
    ck_assert_ptr_nonnull(reply->fault);
    frame_clear(&frame);
    return reply;
}

Provisiond__StationReply *vault_rig_ask(struct vault_rig *rig, const struct sha256 *caller,
                                        Provisiond__StationRequest *request)
{
    if (caller != NULL)
        request->caller_spki = vault_rig_data(caller->bytes, SHA256_SIZE);
    size_t length = provisiond__station_request__get_packed_size(request);
    uint8_t *payload = malloc(length + 1);
    ck_assert_ptr_nonnull(payload);
    provisiond__station_request__pack(request, payload);
    int fd = connect_to(rig->config.vault.socket);
    Provisiond__StationReply *reply = exchange(fd, bytes_of(payload, length));
    (void)close(fd);
    free(payload);
    return reply;
}

Provisiond__StationReply *vault_rig_question(struct vault_rig *rig, const struct sha256 *caller,
                                             Provisiond__StationRequest__OpCase op, void *body)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    request.op_case = op;
    request.license = body; /* the members of the union are all pointers */
    return vault_rig_ask(rig, caller, &request);
}

void vault_rig_say(struct vault_rig *rig, struct bytes payload)
{
    struct frame frame;
    int fd = connect_to(rig->config.vault.socket);
    ck_assert_int_eq(frame_send(fd, 1, payload, NULL, 0, deadline_in(ANSWER_TIMEOUT_MS)), ERR_OK);
    if (frame_receive(fd, VAULT_REPLY_MAX_BYTES, true, ANSWER_TIMEOUT_MS, ANSWER_TIMEOUT_MS,
                      &frame) == ERR_OK)
        frame_clear(&frame);
    (void)close(fd);
}

void vault_rig_free(Provisiond__StationReply *reply)
{
    provisiond__station_reply__free_unpacked(reply, NULL);
}

void vault_rig_expect(const Provisiond__StationReply *reply, enum error code, const char *reason)
{
    ck_assert_msg(reply->fault->code == (unsigned)code, "%s %s: %s",
                  error_name((enum error)reply->fault->code), reply->fault->reason,
                  reply->fault->detail);
    if (code != ERR_OK)
        ck_assert_str_eq(reply->fault->reason, reason);
}

void vault_rig_license(Provisiond__LicenseRequest *license, const char *product, const char *pem)
{
    provisiond__license_request__init(license);
    license->product = vault_rig_text(product);
    license->certificate_chain = vault_rig_data(pem, strlen(pem));
}

Provisiond__UsageReply vault_rig_usage(struct vault_rig *rig, const char *product)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageRequest asked = PROVISIOND__USAGE_REQUEST__INIT;
    asked.product = vault_rig_text(product);
    request.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE;
    request.usage = &asked;
    Provisiond__StationReply *reply = vault_rig_ask(rig, &rig->station, &request);
    vault_rig_expect(reply, ERR_OK, "");
    Provisiond__UsageReply usage = *reply->usage;
    usage.policy = usage.anchor = NULL; /* freed with the reply */
    vault_rig_free(reply);
    return usage;
}

int64_t vault_rig_query(const struct vault_rig *rig, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    ck_assert_int_eq(sqlite3_open_v2(rig->config.vault.ledger, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    (void)sqlite3_busy_timeout(db, ANSWER_TIMEOUT_MS);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return number;
}

/* ---- start ---- */

static bool is_ready(struct vault_rig *rig)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReadyRequest asked = PROVISIOND__READY_REQUEST__INIT;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_READY;
    request.ready = &asked;
    Provisiond__StationReply *reply = vault_rig_ask(rig, NULL, &request);
    bool is_good = strcmp(reply->ready->hsm, "ok") == 0 && strcmp(reply->ready->anchor, "ok") == 0;
    vault_rig_free(reply);
    return is_good;
}

static void await_ready(struct vault_rig *rig)
{
    deadline_ms deadline = deadline_in(READY_TIMEOUT_MS);
    while (!is_ready(rig)) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "the vault does not become ready");
        hsm_rig_pause(20);
    }
}

static void fill(struct vault_rig *rig)
{
    init(rig);
    await_ready(rig);
    for (size_t i = 0; i < 2; i++) {
        make_product(rig, PRODUCTS[i].name, PRODUCTS[i].quota);
        rig->images[i] = make_image(rig, PRODUCTS[i].name);
    }
    rig->station = vault_rig_enrol(rig, "first", PROVISIOND__ROLE__ROLE_STATION, NULL, NULL);
}

void vault_rig_start(struct vault_rig *rig)
{
    struct fault fault = {0};
    bool is_new = access(rig->config.vault.ledger, F_OK) != 0;
    ck_assert_msg(vault_new(&rig->config, &rig->vault, &fault) == ERR_OK, "%s %s", fault.reason,
                  fault.detail);
    ck_assert_int_eq(vault_client_new(rig->config.vault.admin_socket, &rig->admin), ERR_OK);
    if (is_new)
        fill(rig);
    await_ready(rig);
}
