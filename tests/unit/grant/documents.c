/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Documents made with jansson. Owns no state. */
#include "documents.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define PATH_MAX_BYTES 64
#define ROOT           DOCUMENT_HSM
#define OTHER_ROOT     "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static json_t *parse(const char *value)
{
    json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
    ck_assert_msg(parsed != NULL, "no JSON: %s", value);
    return parsed;
}

static json_t *settings(const char *const *certificates, size_t count)
{
    json_t *made = parse("{\"profile\": \"cms\", \"policy\": \"per-device\","
                         " \"anchors\": \"-----BEGIN CERTIFICATE-----\\nAAAA\\n\","
                         " \"allow_session_key_exposure\": false}");
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(json_array_append_new(array, json_string(certificates[i])), 0);
    ck_assert_int_eq(json_object_set_new(made, "authorities", array), 0);
    ck_assert_int_eq(json_object_set_new(made, "threshold", json_integer((json_int_t)count)), 0);
    return made;
}

static void add_own(json_t *document, enum grant_kind kind)
{
    switch (kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        document_set(document, "units", "5000");
        return;
    case GRANT_POLICY:
        document_set(document, "sequence", "1");
        return;
    case GRANT_OVERRIDE:
        document_set(document, "anchor", "{\"size\": 40, \"root\": \"" ROOT "\"}");
        document_set(document, "head", "{\"size\": 0, \"root\": \"" OTHER_ROOT "\"}");
        return;
    case GRANT_REBIND:
        document_set(document, "sequence", "7");
        document_set(document, "serial", "\"SN 12\"");
        document_set(document, "old_key", "\"" ROOT "\"");
        document_set(document, "new_key", "\"" OTHER_ROOT "\"");
        return;
    case GRANT_STANDBY:
        document_set(document, "sequence", "7");
        document_set(document, "standby", "\"" OTHER_ROOT "\"");
        document_set(document, "transport_key", "\"" ROOT "\"");
        document_set(document, "allowed", "true");
        return;
    }
}

json_t *document_new(enum grant_kind kind, const char *const *certificates, size_t count)
{
    json_t *document = parse("{\"type\": \"provisiond-grant/1\", \"id\": \"" DOCUMENT_ID "\","
                             " \"product\": \"widget\", \"site\": \"factory-7\","
                             " \"hsm\": \"" DOCUMENT_HSM "\","
                             " \"issued\": \"2026-11-27T10:00:00Z\"}");
    ck_assert_int_eq(json_object_set_new(document, "kind", json_string(grant_kind_name(kind))), 0);
    add_own(document, kind);
    if (kind == GRANT_POLICY)
        ck_assert_int_eq(json_object_set_new(document, "settings", settings(certificates, count)),
                         0);
    return document;
}

void document_set(json_t *document, const char *path, const char *value)
{
    char name[PATH_MAX_BYTES];
    json_t *object = document;
    for (size_t length = strcspn(path, "."); path[length] == '.'; length = strcspn(path, ".")) {
        (void)snprintf(name, sizeof name, "%.*s", (int)length, path);
        object = json_object_get(object, name);
        path += length + 1;
    }
    if (value == NULL)
        ck_assert_int_eq(json_object_del(object, path), 0);
    else
        ck_assert_int_eq(json_object_set_new(object, path, parse(value)), 0);
}

char *document_text(const json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(2));
    ck_assert_ptr_nonnull(text);
    return text;
}

enum error document_read(const json_t *document, struct grant *ret_grant, struct fault *fault)
{
    char *text = document_text(document);
    enum error e = grant_read(bytes_of(text, strlen(text)), ret_grant, fault);
    free(text);
    return e;
}
