/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Principals as changes: enrolled, switched, narrowed, given keys and deprived of them. Each names
 * who did it in its journal leaf; a change that changes nothing leaves no leaf. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

/* What is asked: of the principal name, role, and what is to be, be it switch, scope or key. */
struct principal_change {
    char by[LEDGER_BY_MAX + 1];
    struct ledger_principal wanted;
    bool keeps_products; /* of a narrowing: the list stays as it is */
    bool keeps_lines;
};

/* A change about a principal, or NULL; *ret_error says why. */
static struct change *principal_change(change_apply apply, const char *name, enum ledger_role role,
                                       const char *by, enum error *ret_error, struct fault *fault)
{
    *ret_error = valid_name(name, fault);
    if (*ret_error == ERR_OK)
        *ret_error = valid_by(by, fault);
    if (*ret_error != ERR_OK)
        return NULL;
    struct change *change = ledger_change(apply, sizeof(struct principal_change), fault);
    if (change == NULL) {
        *ret_error = ERR_INTERNAL;
        return NULL;
    }
    struct principal_change *body = (void *)change->body;
    strcpy(body->wanted.name, name);
    body->wanted.role = role;
    strcpy(body->by, by);
    return change;
}

static struct ledger_principal *wanted_of(struct change *change)
{
    return &((struct principal_change *)(void *)change->body)->wanted;
}

/* The principal of that name and role as it is now. */
static enum error find(struct change_context *context, const struct ledger_principal *wanted,
                       struct ledger_principal *ret_found, struct fault *fault)
{
    struct ledger_principal found;
    enum error e = context->ops->principal_named(context->store, wanted->name, &found, fault);
    if (e != ERR_OK)
        return e;
    if (wanted->role != LEDGER_ROLE_ANY && wanted->role != found.role) {
        (void)fault_set(fault, ERR_PRINCIPAL_UNKNOWN, "principal-unknown",
                        "The principal of this name has another role.", 0);
        return ERR_PRINCIPAL_UNKNOWN;
    }
    *ret_found = found;
    return ERR_OK;
}

static enum error append_leaf(struct leaf *leaf, const struct principal_change *change,
                              struct fault *fault)
{
    leaf_put_text(leaf, "principal", change->wanted.name);
    leaf_put_text(leaf, "by", change->by);
    return leaf_append(leaf, NULL, fault);
}

static void put_scope(struct leaf *leaf, const struct ledger_scope *scope)
{
    leaf_put_optional(leaf, "products", scope->products);
    leaf_put_optional(leaf, "lines", scope->lines);
}

static void put_key(struct leaf *leaf, const struct ledger_principal *wanted)
{
    leaf_put_hex(leaf, "spki", bytes_of(wanted->keys[0].spki.bytes, SHA256_SIZE));
}

/* ---- enrolling ---- */

static const char *role_name(enum ledger_role role)
{
    static const char *const NAMES[] = {[LEDGER_STATION] = "station",
                                        [LEDGER_OPERATOR] = "operator",
                                        [LEDGER_AUDITOR] = "auditor",
                                        [LEDGER_ADMINISTRATOR] = "administrator",
                                        [LEDGER_METRICS] = "metrics"};
    return NAMES[role];
}

static enum error check_key(struct change_context *context, const struct sha256 *spki,
                            struct fault *fault)
{
    bool is_known = false;
    enum error e = context->ops->principal_key_is_known(context->store, spki, &is_known, fault);
    if (e == ERR_OK && is_known)
        e = fault_set(fault, ERR_CONFLICT, "key-taken",
                      "A principal has this key already: make another one.", 0);
    return e;
}

static enum error check_is_new(struct change_context *context,
                               const struct ledger_principal *wanted, struct fault *fault)
{
    struct ledger_principal found;
    enum error e = context->ops->principal_named(context->store, wanted->name, &found, fault);
    if (e == ERR_OK)
        return fault_set(fault, ERR_CONFLICT, "name-taken",
                         "A principal of this name is enrolled already.", 0);
    return e == ERR_PRINCIPAL_UNKNOWN ? check_key(context, &wanted->keys[0].spki, fault) : e;
}

static enum error apply_add(struct change_context *context, void *body, struct fault *fault)
{
    struct principal_change *change = body;
    struct ledger_principal *wanted = &change->wanted;
    wanted->keys[0].added_unix_ms = context->now_unix_ms;
    enum error e = check_is_new(context, wanted, fault);
    if (e == ERR_OK)
        e = context->ops->principal_add(context->store, wanted, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "principal-added");
    leaf_put_text(&leaf, "role", role_name(wanted->role));
    put_key(&leaf, wanted);
    put_scope(&leaf, &wanted->scope);
    return append_leaf(&leaf, change, fault);
}

enum error ledger_principal_add(struct ledger *ledger, const struct ledger_enrolment *enrolment,
                                const char *by, struct fault *fault)
{
    static const struct ledger_scope EVERYTHING = {.products = ""};
    const struct ledger_scope *scope = enrolment->scope != NULL ? enrolment->scope : &EVERYTHING;
    if (enrolment->role < LEDGER_STATION || enrolment->role > LEDGER_METRICS)
        return fault_set(fault, ERR_BAD_REQUEST, "role",
                         "A role is station, operator, auditor, administrator or metrics.", 0);
    enum error e = valid_scope(scope, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change =
        principal_change(apply_add, enrolment->name, enrolment->role, by, &e, fault);
    if (change == NULL)
        return e;
    struct ledger_principal *wanted = wanted_of(change);
    wanted->is_enabled = true;
    wanted->scope = *scope;
    wanted->keys[0].spki = enrolment->spki;
    wanted->key_count = 1;
    return commit_run(ledger->committer, change, fault);
}

/* ---- switching and narrowing ---- */

static enum error apply_enable(struct change_context *context, void *body, struct fault *fault)
{
    const struct principal_change *change = body;
    struct ledger_principal principal;
    bool is_enabled = change->wanted.is_enabled;
    enum error e = find(context, &change->wanted, &principal, fault);
    if (e != ERR_OK || principal.is_enabled == is_enabled)
        return e;
    principal.is_enabled = is_enabled;
    e = context->ops->principal_set(context->store, &principal, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, is_enabled ? "principal-enabled" : "principal-disabled");
    return append_leaf(&leaf, change, fault);
}

enum error ledger_principal_enable(struct ledger *ledger, const char *name, enum ledger_role role,
                                   bool is_enabled, const char *by, struct fault *fault)
{
    enum error e = ERR_OK;
    CHANGE_AUTO *change = principal_change(apply_enable, name, role, by, &e, fault);
    if (change == NULL)
        return e;
    wanted_of(change)->is_enabled = is_enabled;
    return commit_run(ledger->committer, change, fault);
}

static bool is_same_scope(const struct ledger_scope *a, const struct ledger_scope *b)
{
    return strcmp(a->products, b->products) == 0 && strcmp(a->lines, b->lines) == 0;
}

/* The scope that the principal has afterwards: what is not replaced stays as the row says now. */
static struct ledger_scope narrowed(const struct ledger_scope *present,
                                    const struct principal_change *change)
{
    struct ledger_scope scope = change->wanted.scope;
    if (change->keeps_products)
        strcpy(scope.products, present->products);
    if (change->keeps_lines)
        strcpy(scope.lines, present->lines);
    return scope;
}

static enum error apply_narrow(struct change_context *context, void *body, struct fault *fault)
{
    const struct principal_change *change = body;
    struct ledger_principal principal;
    enum error e = find(context, &change->wanted, &principal, fault);
    if (e != ERR_OK)
        return e;
    const struct ledger_scope scope = narrowed(&principal.scope, change);
    if (is_same_scope(&principal.scope, &scope))
        return ERR_OK;
    e = valid_scope(&scope, fault);
    if (e != ERR_OK)
        return e;
    principal.scope = scope;
    e = context->ops->principal_set(context->store, &principal, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "principal-narrowed");
    put_scope(&leaf, &principal.scope);
    return append_leaf(&leaf, change, fault);
}

/* False when a list is too long to be looked at. */
static bool take_list(const char *list, char out[LEDGER_SCOPE_MAX + 1])
{
    size_t length = list != NULL ? strnlen(list, LEDGER_SCOPE_MAX + 1) : 0;
    if (length > LEDGER_SCOPE_MAX)
        return false;
    memcpy(out, list != NULL ? list : "", length);
    out[length] = '\0';
    return true;
}

enum error ledger_principal_narrow(struct ledger *ledger, const char *name, enum ledger_role role,
                                   const struct ledger_narrowing *narrowing, const char *by,
                                   struct fault *fault)
{
    struct ledger_scope scope;
    if (!take_list(narrowing->products, scope.products) ||
        !take_list(narrowing->lines, scope.lines))
        return fault_set(fault, ERR_BAD_REQUEST, "scope", "A scope's list is too long.", 0);
    enum error e = valid_scope(&scope, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = principal_change(apply_narrow, name, role, by, &e, fault);
    if (change == NULL)
        return e;
    struct principal_change *body = (void *)change->body;
    body->wanted.scope = scope;
    body->keeps_products = narrowing->products == NULL;
    body->keeps_lines = narrowing->lines == NULL;
    return commit_run(ledger->committer, change, fault);
}

/* ---- keys ---- */

static enum error apply_key_add(struct change_context *context, void *body, struct fault *fault)
{
    const struct principal_change *change = body;
    const struct sha256 *spki = &change->wanted.keys[0].spki;
    struct ledger_principal principal;
    enum error e = find(context, &change->wanted, &principal, fault);
    if (e == ERR_OK)
        e = check_key(context, spki, fault);
    if (e == ERR_OK && principal.key_count == LEDGER_PRINCIPAL_KEYS_MAX)
        e = fault_set(fault, ERR_CONFLICT, "too-many-keys",
                      "A principal has at most 4 keys: remove one that it uses no more.", 0);
    if (e == ERR_OK)
        e = context->ops->principal_key_add(context->store, principal.id, spki,
                                            context->now_unix_ms, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "principal-key-added");
    put_key(&leaf, &change->wanted);
    return append_leaf(&leaf, change, fault);
}

static bool has_key(const struct ledger_principal *principal, const struct sha256 *spki)
{
    for (size_t i = 0; i < principal->key_count; i++) {
        if (sha256_equal(&principal->keys[i].spki, spki))
            return true;
    }
    return false;
}

static enum error check_removal(const struct ledger_principal *principal, const struct sha256 *spki,
                                struct fault *fault)
{
    if (!has_key(principal, spki))
        return fault_set(fault, ERR_CONFLICT, "key-unknown", "The principal has no such key.", 0);
    if (principal->key_count == 1)
        return fault_set(fault, ERR_CONFLICT, "last-key",
                         "This is the principal's last key: add another one first, or disable the "
                         "principal.",
                         0);
    return ERR_OK;
}

static enum error apply_key_remove(struct change_context *context, void *body, struct fault *fault)
{
    const struct principal_change *change = body;
    const struct sha256 *spki = &change->wanted.keys[0].spki;
    struct ledger_principal principal;
    enum error e = find(context, &change->wanted, &principal, fault);
    if (e == ERR_OK)
        e = check_removal(&principal, spki, fault);
    if (e == ERR_OK)
        e = context->ops->principal_key_remove(context->store, principal.id, spki, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "principal-key-removed");
    put_key(&leaf, &change->wanted);
    return append_leaf(&leaf, change, fault);
}

enum error ledger_principal_key_add(struct ledger *ledger, const char *name, enum ledger_role role,
                                    const struct sha256 *spki, const char *by, struct fault *fault)
{
    enum error e = ERR_OK;
    CHANGE_AUTO *change = principal_change(apply_key_add, name, role, by, &e, fault);
    if (change == NULL)
        return e;
    wanted_of(change)->keys[0].spki = *spki;
    return commit_run(ledger->committer, change, fault);
}

enum error ledger_principal_key_remove(struct ledger *ledger, const char *name,
                                       enum ledger_role role, const struct sha256 *spki,
                                       const char *by, struct fault *fault)
{
    enum error e = ERR_OK;
    CHANGE_AUTO *change = principal_change(apply_key_remove, name, role, by, &e, fault);
    if (change == NULL)
        return e;
    wanted_of(change)->keys[0].spki = *spki;
    return commit_run(ledger->committer, change, fault);
}
