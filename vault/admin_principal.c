/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who may ask on the station socket: enrolled and changed on the admin socket only. Owns no state.
 */
#include "vault/admin_task.h"
#include "vault/certificate.h"
#include "vault/scope.h"

static ProtobufCBinaryData data_of(struct sha256 *digest)
{
    return (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
}

static enum error refuse_scope(struct admin_task *task)
{
    return admin_refuse_field(task, "scope",
                              "A principal is narrowed to at most 32 products by their names, and "
                              "to at most 32 lines of 1 to 64 bytes without control characters.");
}

static enum error read_products(struct admin_task *task, char **names, size_t count,
                                struct ledger_scope *scope)
{
    scope->products[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (i == LEDGER_SCOPE_NAMES_MAX || !name_is_valid(names[i], LEDGER_NAME_MAX) ||
            !scope_add(scope->products, names[i]))
            return refuse_scope(task);
    }
    return ERR_OK;
}

static enum error read_lines(struct admin_task *task, char **names, size_t count,
                             struct ledger_scope *scope)
{
    scope->lines[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (i == LEDGER_SCOPE_NAMES_MAX || !scope_add(scope->lines, names[i]))
            return refuse_scope(task);
    }
    return ERR_OK;
}

/* ROLE_UNKNOWN is LEDGER_ROLE_ANY. */
static enum error read_role(struct admin_task *task, Provisiond__Role message,
                            enum ledger_role *ret_role)
{
    if ((int)message < LEDGER_ROLE_ANY || (int)message > LEDGER_METRICS)
        return admin_refuse_field(task, "role", "The request names no known role.");
    *ret_role = (enum ledger_role)message;
    return ERR_OK;
}

enum error admin_principal_add(struct admin_task *task)
{
    const Provisiond__PrincipalAddRequest *asked = task->request->principal_add;
    struct ledger_scope scope;
    struct ledger_enrolment enrolment = {.name = asked->name, .scope = &scope};
    Provisiond__PrincipalAddReply *reply = &task->result.principal_add;
    if (!name_is_valid(asked->name, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "name", ADMIN_NAME_RULE);
    enum error e = read_role(task, asked->role, &enrolment.role);
    if (e == ERR_OK && (int)enrolment.role == LEDGER_ROLE_ANY)
        e = admin_refuse_field(task, "role", "A principal is enrolled with a role.");
    if (e == ERR_OK)
        e = read_products(task, asked->products, asked->n_products, &scope);
    if (e == ERR_OK)
        e = read_lines(task, asked->lines, asked->n_lines, &scope);
    if (e == ERR_OK)
        e = certificate_spki(bytes_of(asked->certificate.data, asked->certificate.len),
                             &enrolment.spki, &task->fault);
    if (e == ERR_OK)
        e = ledger_principal_add(task->vault->ledger, &enrolment, task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    task->values.digest = enrolment.spki;
    provisiond__principal_add_reply__init(reply);
    reply->spki = data_of(&task->values.digest);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRINCIPAL_ADD;
    task->reply.principal_add = reply;
    return ERR_OK;
}

enum error admin_principal_enable(struct admin_task *task)
{
    const Provisiond__PrincipalEnableRequest *asked = task->request->principal_enable;
    enum ledger_role role = LEDGER_STATION;
    enum error e = read_role(task, asked->role, &role);
    if (e == ERR_OK)
        e = ledger_principal_enable(task->vault->ledger, asked->name, role, asked->enabled,
                                    task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__principal_enable_reply__init(&task->result.principal_enable);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRINCIPAL_ENABLE;
    task->reply.principal_enable = &task->result.principal_enable;
    return ERR_OK;
}

enum error admin_principal_narrow(struct admin_task *task)
{
    const Provisiond__PrincipalNarrowRequest *asked = task->request->principal_narrow;
    enum ledger_role role = LEDGER_STATION;
    struct ledger_scope scope;
    enum error e = read_role(task, asked->role, &role);
    if (e == ERR_OK && ((asked->keep_products && asked->n_products > 0) ||
                        (asked->keep_lines && asked->n_lines > 0)))
        e = admin_refuse_field(task, "scope", "A list is kept or replaced, not both.");
    if (e == ERR_OK)
        e = read_products(task, asked->products, asked->n_products, &scope);
    if (e == ERR_OK)
        e = read_lines(task, asked->lines, asked->n_lines, &scope);
    const struct ledger_narrowing narrowing = {asked->keep_products ? NULL : scope.products,
                                               asked->keep_lines ? NULL : scope.lines};
    if (e == ERR_OK)
        e = ledger_principal_narrow(task->vault->ledger, asked->name, role, &narrowing, task->by,
                                    &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__principal_narrow_reply__init(&task->result.principal_narrow);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRINCIPAL_NARROW;
    task->reply.principal_narrow = &task->result.principal_narrow;
    return ERR_OK;
}

/* ---- keys ---- */

static enum error add_key(struct admin_task *task, enum ledger_role role)
{
    const Provisiond__PrincipalKeyRequest *asked = task->request->principal_key;
    struct sha256 *spki = &task->values.digest;
    enum error e = certificate_spki(bytes_of(asked->certificate.data, asked->certificate.len), spki,
                                    &task->fault);
    if (e == ERR_OK)
        e = ledger_room_permits(task->vault->ledger, 0, &task->fault);
    if (e == ERR_OK)
        e = ledger_principal_key_add(task->vault->ledger, asked->name, role, spki, task->by,
                                     &task->fault);
    return e;
}

static enum error remove_key(struct admin_task *task, enum ledger_role role)
{
    const Provisiond__PrincipalKeyRequest *asked = task->request->principal_key;
    struct sha256 *spki = &task->values.digest;
    if (!admin_read_digest(&asked->remove_spki, spki))
        return admin_refuse_field(task, "key", "A key is named by its SHA-256, 64 hex digits.");
    return ledger_principal_key_remove(task->vault->ledger, asked->name, role, spki, task->by,
                                       &task->fault);
}

enum error admin_principal_key(struct admin_task *task)
{
    const Provisiond__PrincipalKeyRequest *asked = task->request->principal_key;
    Provisiond__PrincipalKeyReply *reply = &task->result.principal_key;
    enum ledger_role role = LEDGER_STATION;
    bool adds = asked->certificate.len > 0;
    if (adds == (asked->remove_spki.len > 0))
        return admin_refuse_field(task, "key",
                                  "Give either a certificate, whose key is added, or the key that "
                                  "is removed.");
    enum error e = read_role(task, asked->role, &role);
    if (e == ERR_OK)
        e = adds ? add_key(task, role) : remove_key(task, role);
    if (e != ERR_OK)
        return e;
    provisiond__principal_key_reply__init(reply);
    reply->spki = data_of(&task->values.digest);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRINCIPAL_KEY;
    task->reply.principal_key = reply;
    return ERR_OK;
}
