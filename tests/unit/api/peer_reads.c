/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Replies with many entries. Owns no state but constants. */
#include "peer_reads.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "api/api_limits.h"
#include "core/bytes.h"
#include "core/fault_message.h"
#include "peer_reply.h"

static uint8_t digest[SHA256_SIZE + 1];
static uint8_t uuid[UUID_SIZE];

static bool is(const char *word, const char *wanted)
{
    return strcmp(word, wanted) == 0;
}

/* Whether the word is "spoil-" and what. */
static bool spoils(const char *word, const char *what)
{
    return strncmp(word, "spoil-", 6) == 0 && is(word + 6, what);
}

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static ProtobufCBinaryData digest_of(size_t length)
{
    memset(digest, 0xcd, sizeof digest);
    return (ProtobufCBinaryData){.data = digest, .len = length};
}

static ProtobufCBinaryData uuid_of(size_t length)
{
    memset(uuid, 0x77, sizeof uuid);
    uuid[8] = 0xb7;
    return (ProtobufCBinaryData){.data = uuid, .len = length};
}

static void send_result(struct rpc_call *call, Provisiond__StationReply *reply,
                        Provisiond__StationReply__ResultCase result)
{
    reply->result_case = result;
    peer_send(call, reply, -1);
}

/* ---- installs ---- */

static void fill_install(Provisiond__InstallEntry *entry, Provisiond__LicenseContext *context)
{
    provisiond__install_entry__init(entry);
    provisiond__license_context__init(context);
    context->lot = literal("L7");
    context->line = literal("2");
    context->work_order = literal("WO-1");
    context->operator_name = literal("J\xc3\xb6rg");
    context->socket = literal("4");
    entry->install_id = uuid_of(UUID_SIZE);
    entry->product = literal("widget");
    entry->profile = literal("cms");
    entry->image = digest_of(SHA256_SIZE);
    entry->device = digest_of(SHA256_SIZE);
    entry->serial = literal("SN-1");
    entry->station = literal("station-1");
    entry->charged = true;
    entry->license_digest = digest_of(SHA256_SIZE);
    entry->journal_index = 8;
    entry->licensed_unix_ms = PEER_TIME_MS;
    entry->attempts = 2;
    entry->attempted_unix_ms = PEER_TIME_MS + 1;
    entry->context = context;
    entry->result = PROVISIOND__INSTALL_RESULT__INSTALL_FAILED;
    entry->code = literal("E7");
    entry->detail = literal("It fell.");
    entry->reporter = literal("station-2");
    entry->reported_unix_ms = PEER_TIME_MS + 2;
}

static void strip_install(Provisiond__InstallEntry *entry)
{
    entry->serial = literal("");
    entry->context = NULL;
    entry->result = PROVISIOND__INSTALL_RESULT__INSTALL_UNREPORTED;
    entry->code = literal("");
    entry->detail = literal("");
    entry->reporter = literal("");
    entry->reported_unix_ms = 0;
}

static void spoil_install(Provisiond__InstallEntry *entry, const char *word)
{
    static char long_text[300];
    memset(long_text, 'x', sizeof long_text - 1);
    if (spoils(word, "id"))
        entry->install_id.len = UUID_SIZE - 1;
    if (spoils(word, "product"))
        entry->product = literal("no name");
    if (spoils(word, "profile"))
        entry->profile = literal("");
    if (spoils(word, "image"))
        entry->image.len = SHA256_SIZE + 1;
    if (spoils(word, "device"))
        entry->device.len = 0;
    if (spoils(word, "serial"))
        entry->serial = literal("a\nb");
    if (spoils(word, "station"))
        entry->station = literal("\xc3");
    if (spoils(word, "digest"))
        entry->license_digest.len = 31;
    if (spoils(word, "index"))
        entry->journal_index = -1;
    if (spoils(word, "time"))
        entry->licensed_unix_ms = -1;
    if (spoils(word, "far-time"))
        entry->licensed_unix_ms = INT64_MAX;
    if (spoils(word, "attempts"))
        entry->attempts = -2;
    if (spoils(word, "lot"))
        entry->context->lot = literal("\xff\xfe");
    if (spoils(word, "long-line"))
        entry->context->line = long_text;
    if (spoils(word, "result"))
        entry->result = (Provisiond__InstallResult)5;
    if (spoils(word, "no-result"))
        entry->result = PROVISIOND__INSTALL_RESULT__INSTALL_ANY;
    if (spoils(word, "detail"))
        entry->detail = long_text;
    if (spoils(word, "reporter"))
        entry->reporter = literal("");
}

static void send_installs(struct rpc_call *call, const Provisiond__InstallListRequest *asked,
                          const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__InstallListReply result = PROVISIOND__INSTALL_LIST_REPLY__INIT;
    Provisiond__LicenseContext context;
    Provisiond__InstallEntry entry;
    Provisiond__InstallEntry *entries[] = {&entry, &entry};
    fill_install(&entry, &context);
    spoil_install(&entry, word);
    if (is(word, "plain"))
        strip_install(&entry);
    result.installs = entries;
    result.n_installs = asked->install_id.len > 0 ? 1 : 2;
    if (is(word, "nothing"))
        result.n_installs = 0;
    result.next = asked->install_id.len > 0 || is(word, "last-page") ? 0 : 17;
    if (spoils(word, "next"))
        result.next = -1;
    reply.install_list = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_INSTALL_LIST);
}

/* ---- products ---- */

#define MEMBERS 17 /* one more than there may be */

/* Who governs; a list of products does not name them. */
static void fill_members(Provisiond__ProductEntry *entry, const char *word)
{
    static Provisiond__AuthorityEntry member;
    static Provisiond__AuthorityEntry *members[MEMBERS];
    provisiond__authority_entry__init(&member);
    member.key = digest_of(spoils(word, "a-key") ? 20 : SHA256_SIZE);
    member.name = literal("CN=Officer 1");
    for (size_t i = 0; i < MEMBERS; i++)
        members[i] = &member;
    entry->members = members;
    entry->n_members = spoils(word, "a-members") ? MEMBERS : is(word, "governed-unchecked") ? 0 : 2;
}

static void fill_governance(Provisiond__ProductEntry *entry, const char *word)
{
    entry->governed = strncmp(word, "governed", 8) == 0 || strncmp(word, "spoil-a", 7) == 0;
    entry->sequence = spoils(word, "a-sequence") ? -1 : 3;
    entry->threshold = spoils(word, "a-threshold") ? 3 : spoils(word, "a-nobody") ? 0 : 2;
    entry->authorities = digest_of(spoils(word, "a-digest") ? 20 : SHA256_SIZE);
    entry->first_authorities = digest_of(spoils(word, "a-first") ? 20 : SHA256_SIZE);
    if (is(word, "governed-unchecked")) {
        entry->threshold = 0;
        entry->first_authorities.len = 0;
    }
}

static void fill_product(Provisiond__ProductEntry *entry, const char *word)
{
    provisiond__product_entry__init(entry);
    entry->name = literal(spoils(word, "name") ? "-" : "widget");
    entry->profile = literal(spoils(word, "profile") ? "" : "cms");
    entry->policy = literal(spoils(word, "policy") ? "per-moon" : "per-device");
    entry->enabled = true;
    entry->quota = spoils(word, "granted") ? -1 : 100;
    entry->used = spoils(word, "charged") ? 101 : is(word, "spent") ? 100 : 59;
    entry->attempts_max = spoils(word, "limit") ? -1 : 5;
    entry->wrapping = literal(spoils(word, "wrapping") ? "odd" : is(word, "x") ? "host" : "");
    entry->crls_wanted = is(word, "no-crls") || spoils(word, "crls");
    entry->crls = is(word, "crls") ? 2 : 0;
    entry->crls_until_unix_ms = spoils(word, "crls") ? -1 : is(word, "crls") ? 1764288000000 : 0;
    fill_governance(entry, word);
    entry->state = literal(spoils(word, "state") ? "odd" : "ok");
    if (is(word, "governed")) {
        entry->state = literal("tampered");
        entry->state_detail = literal("The recount differs.");
        entry->options = literal("{\"product_id\":\"45002001\"}");
    }
    if (spoils(word, "options"))
        entry->options = literal("{\"a\":1,\"a\":2}");
    if (spoils(word, "list-options"))
        entry->options = literal("[]");
}

static void send_products(struct rpc_call *call, const char *name, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ProductReadReply result = PROVISIOND__PRODUCT_READ_REPLY__INIT;
    Provisiond__ProductEntry entry;
    Provisiond__ProductEntry *entries[] = {&entry, &entry};
    fill_product(&entry, word);
    if (*name != '\0')
        fill_members(&entry, word);
    result.products = entries;
    result.n_products = *name != '\0' ? 1 : 2;
    if (is(word, "nothing"))
        result.n_products = 0;
    reply.product_read = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_PRODUCT_READ);
}

static void send_policy(struct rpc_call *call, const char *word)
{
    static uint8_t anchors[65537];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__PolicyReadReply result = PROVISIOND__POLICY_READ_REPLY__INIT;
    Provisiond__ProductEntry entry;
    fill_product(&entry, word);
    fill_members(&entry, word);
    memset(anchors, '\n', sizeof anchors);
    if (spoils(word, "nul"))
        anchors[1] = '\0';
    result.product = spoils(word, "no-product") ? NULL : &entry;
    result.anchors.data = anchors;
    result.anchors.len = spoils(word, "anchors") ? sizeof anchors : spoils(word, "empty") ? 0 : 4;
    reply.policy_read = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_POLICY_READ);
}

/* ---- images ---- */

static void send_images(struct rpc_call *call, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ImageReadReply result = PROVISIOND__IMAGE_READ_REPLY__INIT;
    Provisiond__ImageEntry entry = PROVISIOND__IMAGE_ENTRY__INIT;
    Provisiond__ImageEntry *entries[] = {&entry, &entry};
    entry.image = digest_of(spoils(word, "image") ? 1 : SHA256_SIZE);
    entry.product = literal(spoils(word, "product") ? "" : "widget");
    entry.label = literal(spoils(word, "label") ? "\t" : "");
    entry.size = spoils(word, "size") ? UINT64_MAX : 100000;
    entry.enabled = true;
    entry.latest = true;
    entry.created_unix_ms = spoils(word, "time") ? -5 : PEER_TIME_MS;
    entry.alias = literal(spoils(word, "alias") ? "." : is(word, "plain") ? "" : "widget-fw");
    entry.content = literal(spoils(word, "content") ? " " : is(word, "plain") ? "" : "aes-256-gcm");
    entry.iv = digest_of(spoils(word, "iv") ? 17 : is(word, "plain") ? 0 : 2);
    entry.tag = digest_of(spoils(word, "tag") ? 17 : is(word, "plain") ? 0 : 2);
    result.images = entries;
    result.n_images = is(word, "nothing") ? 0 : 2;
    reply.image_read = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_IMAGE_READ);
}

/* ---- grants ---- */

static void fill_grant(Provisiond__GrantEntry *entry, const char *word)
{
    provisiond__grant_entry__init(entry);
    entry->grant_id = uuid_of(spoils(word, "id") ? 15 : UUID_SIZE);
    entry->kind = literal(spoils(word, "kind") ? "gift" : "revoke");
    entry->units = spoils(word, "units") ? -1 : 50;
    entry->taken = spoils(word, "taken") ? -1 : 40;
    entry->lot = literal(spoils(word, "lot") ? "\n" : is(word, "plain") ? "" : "L7");
    entry->sequence = spoils(word, "sequence") ? -1 : is(word, "plain") ? 0 : 2;
    entry->accepted_unix_ms = spoils(word, "time") ? -1 : PEER_TIME_MS;
    entry->document = digest_of(spoils(word, "digest") ? 33 : SHA256_SIZE);
    entry->product = literal(spoils(word, "product") ? "?" : "widget");
    entry->journal_index = spoils(word, "index") ? -1 : 6;
}

static void send_grants(struct rpc_call *call, const Provisiond__GrantReadRequest *asked,
                        const char *word)
{
    static uint8_t content[114689];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__GrantReadReply result = PROVISIOND__GRANT_READ_REPLY__INIT;
    Provisiond__GrantEntry entry;
    Provisiond__GrantEntry *entries[] = {&entry, &entry};
    bool is_one = asked->grant_id.len > 0;
    fill_grant(&entry, word);
    result.grants = entries;
    result.n_grants = is_one ? 1 : 2;
    if (is(word, "nothing"))
        result.n_grants = 0;
    result.next = is_one ? 0 : 9;
    if (spoils(word, "next"))
        result.next = -1;
    result.content.data = content;
    result.content.len = spoils(word, "content") ? sizeof content : spoils(word, "empty") ? 0 : 3;
    reply.grant_read = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_GRANT_READ);
}

/* ---- principals ---- */

struct principal {
    Provisiond__PrincipalEntry entry;
    Provisiond__PrincipalKey key;
    Provisiond__PrincipalKey *keys[5];
    char *products[33];
    char *lines[33];
};

static void fill_principal(struct principal *principal, const char *word)
{
    Provisiond__PrincipalEntry *entry = &principal->entry;
    provisiond__principal_entry__init(entry);
    provisiond__principal_key__init(&principal->key);
    for (size_t i = 0; i < 5; i++)
        principal->keys[i] = &principal->key;
    for (size_t i = 0; i < 33; i++) {
        principal->products[i] = literal(spoils(word, "product") ? "" : "widget");
        principal->lines[i] = literal(spoils(word, "line") ? "\n" : "line 2");
    }
    principal->key.spki = digest_of(spoils(word, "key") ? 0 : SHA256_SIZE);
    principal->key.added_unix_ms = spoils(word, "time") ? -1 : PEER_TIME_MS;
    entry->name = literal(spoils(word, "name") ? "" : "station-1");
    entry->role = spoils(word, "role")      ? (Provisiond__Role)6
                  : spoils(word, "no-role") ? PROVISIOND__ROLE__ROLE_UNKNOWN
                                            : PROVISIOND__ROLE__ROLE_STATION;
    entry->enabled = true;
    entry->keys = principal->keys;
    entry->n_keys = spoils(word, "no-keys") ? 0 : spoils(word, "keys") ? 5 : 1;
    entry->products = principal->products;
    entry->n_products = spoils(word, "products") ? 33 : is(word, "plain") ? 0 : 1;
    entry->lines = principal->lines;
    entry->n_lines = spoils(word, "lines") ? 33 : is(word, "plain") ? 0 : 2;
}

static void send_principals(struct rpc_call *call, const char *name, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__PrincipalListReply result = PROVISIOND__PRINCIPAL_LIST_REPLY__INIT;
    struct principal principal;
    Provisiond__PrincipalEntry *entries[] = {&principal.entry, &principal.entry};
    fill_principal(&principal, word);
    result.principals = entries;
    result.n_principals = *name != '\0' ? 1 : 2;
    if (is(word, "nothing"))
        result.n_principals = 0;
    reply.principal_list = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_PRINCIPAL_LIST);
}

static void send_self(struct rpc_call *call, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__SelfReply result = PROVISIOND__SELF_REPLY__INIT;
    struct principal principal;
    fill_principal(&principal, word);
    principal.entry.role = PROVISIOND__ROLE__ROLE_METRICS;
    result.principal = is(word, "nothing") ? NULL : &principal.entry;
    reply.self = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_SELF);
}

/* ---- sums ---- */

static void fill_row(Provisiond__UsageRow *row, const char *key, const char *word)
{
    provisiond__usage_row__init(row);
    row->key = literal(spoils(word, "key") ? "\n" : key);
    row->charged = spoils(word, "count") ? -1 : 6;
    row->licensed = 7;
    row->attempts = 9;
    row->succeeded = 4;
    row->failed = 1;
    row->scrapped = 0;
    row->unreported = 2;
    row->proven = spoils(word, "proven") ? -1 : 3;
}

static void send_sums(struct rpc_call *call, const Provisiond__UsageByRequest *asked,
                      const char *word)
{
    static const char *const keys[] = {"", "A", "B"};
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__UsageByReply result = PROVISIOND__USAGE_BY_REPLY__INIT;
    Provisiond__UsageRow rows[3];
    Provisiond__UsageRow *pointers[3];
    size_t first = !asked->has_after       ? 0
                   : *asked->after == '\0' ? 1
                                           : (size_t)(*asked->after - 'A') + 2;
    ck_assert_uint_le(first, 3);
    for (size_t i = first; i < 3 && i - first < asked->limit; i++) {
        fill_row(&rows[i], keys[i], word);
        pointers[result.n_rows++] = &rows[i];
    }
    result.rows = pointers;
    result.more = first + result.n_rows < 3;
    if (spoils(word, "more")) {
        result.more = true;
        result.n_rows = 0;
    }
    reply.usage_by = &result;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_USAGE_BY);
}

/* ---- batches ---- */

struct outcome_of {
    Provisiond__LicenseResult result;
    Provisiond__LicenseReply license;
    Provisiond__FaultMessage fault_message;
    struct fault fault;
};

static void fill_outcome(struct outcome_of *outcome, const char *product)
{
    provisiond__license_result__init(&outcome->result);
    if (strncmp(product, "fault-", 6) == 0) {
        (void)fault_set(&outcome->fault, peer_fault_named(product + 6), "peer-reason",
                        "The peer says no.", 48);
        fault_to_message(&outcome->fault, &outcome->fault_message);
        outcome->result.fault = &outcome->fault_message;
    } else if (!is(product, "nothing")) {
        peer_fill_license(&outcome->license, is(product, "again"),
                          is(product, "bad-license") ? 4097
                          : is(product, "largest")   ? 4096
                                                     : 300);
        outcome->result.license = &outcome->license;
    }
}

static void send_batch(struct rpc_call *call, const Provisiond__LicenseBatchRequest *asked,
                       const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__LicenseBatchReply batch = PROVISIOND__LICENSE_BATCH_REPLY__INIT;
    size_t count = asked->n_licenses;
    struct outcome_of *outcomes = calloc(count + 1, sizeof *outcomes);
    Provisiond__LicenseResult *results[API_BATCH_MAX + 1];
    ck_assert_ptr_nonnull(outcomes);
    ck_assert_uint_le(count, API_BATCH_MAX);
    for (size_t i = 0; i <= count; i++) {
        fill_outcome(&outcomes[i], i < count ? asked->licenses[i]->product : "widget");
        results[i] = &outcomes[i].result;
    }
    batch.results = results;
    batch.n_results = is(word, "fewer") ? count - 1 : is(word, "more") ? count + 1 : count;
    reply.license_batch = &batch;
    send_result(call, &reply, PROVISIOND__STATION_REPLY__RESULT_LICENSE_BATCH);
    free(outcomes);
}

bool peer_send_read(struct rpc_call *call, const Provisiond__StationRequest *request,
                    const char *word)
{
    switch (request->op_case) {
    case PROVISIOND__STATION_REQUEST__OP_INSTALL_LIST:
        send_installs(call, request->install_list, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_PRODUCT_READ:
        send_products(call, request->product_read->name, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_POLICY_READ:
        send_policy(call, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_IMAGE_READ:
        send_images(call, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_GRANT_READ:
        send_grants(call, request->grant_read, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_PRINCIPAL_LIST:
        send_principals(call, request->principal_list->name, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_SELF:
        send_self(call, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_USAGE_BY:
        send_sums(call, request->usage_by, word);
        return true;
    case PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH:
        send_batch(call, request->license_batch, word);
        return true;
    default:
        return false;
    }
}
