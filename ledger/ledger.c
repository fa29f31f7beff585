/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ledger's life: opening with its "start" leaf, the binding to a site and an HSM, closing with
 * its "stop" leaf. The store is chosen here and nowhere else.
 */
#include "ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

struct change *ledger_change(change_apply apply, size_t body_size, struct fault *fault)
{
    struct change *change = change_new(apply, body_size);
    if (change == NULL)
        (void)fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return change;
}

/* ---- open and close ---- */

/* The start is not before the newest leaf; appending its leaf makes the writer remember that. */
static enum error start_after(struct change_context *context, struct bytes newest,
                              struct fault *fault)
{
    int64_t time = 0;
    if (newest.length == 0)
        return ERR_OK;
    if (!leaf_time(newest, &time))
        return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "corrupt",
                         "The newest leaf of the journal is not as it was written: keep the "
                         "ledger's files as they are, and restore a backup beside them.",
                         0);
    if (context->now_unix_ms < time)
        context->now_unix_ms = time;
    return ERR_OK;
}

/* The body is the leaf's index. An empty journal was never stopped, and never lost anything
 * either. */
static enum error apply_start(struct change_context *context, void *body, struct fault *fault)
{
    uint8_t last[LEAF_MAX_BYTES];
    int64_t *index = body;
    size_t length = 0;
    enum error e = context->ops->journal_last(context->store, last, sizeof last, &length, fault);
    if (e == ERR_OK)
        e = start_after(context, bytes_of(last, length), fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "start");
    leaf_put_flag(&leaf, "clean", length == 0 || leaf_is_stop(bytes_of(last, length)));
    e = leaf_append(&leaf, index, fault);
    if (e == ERR_OK)
        change_raise_barrier(context, *index);
    return e;
}

static enum error apply_stop(struct change_context *context, void *body, struct fault *fault)
{
    (void)body;
    struct leaf leaf = leaf_new(context, "stop");
    return leaf_append(&leaf, NULL, fault);
}

static enum error run_start(struct ledger *ledger, struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_start, sizeof ledger->opened_size, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    enum error e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        memcpy(&ledger->opened_size, change->body, sizeof ledger->opened_size);
    return e;
}

static enum error run_stop(struct ledger *ledger, struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_stop, 0, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    return commit_run(ledger->committer, change, fault);
}

static void ledger_free(struct ledger *ledger)
{
    committer_free(ledger->committer);
    ledger->ops->close(ledger->store);
    free(ledger);
}

enum error ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    ledger->ops = &ledger_sqlite_ops;
    enum error e = ledger->ops->open(path, &ledger->store, fault);
    if (e == ERR_OK)
        e = committer_new(ledger->ops, ledger->store, &ledger->committer, fault);
    if (e == ERR_OK)
        e = run_start(ledger, fault);
    if (e != ERR_OK) {
        ledger_free(ledger);
        return e;
    }
    *ret_ledger = ledger;
    return ERR_OK;
}

enum error ledger_stop(struct ledger *ledger, struct fault *fault)
{
    enum error e = run_stop(ledger, fault);
    if (e == ERR_OK)
        ledger->is_stopped = true;
    return e;
}

void ledger_close(struct ledger *ledger)
{
    struct fault ignored;
    if (ledger == NULL)
        return;
    /* Without its leaf the stop was not clean, and the next start will say so. */
    if (!ledger->is_stopped)
        (void)run_stop(ledger, &ignored);
    ledger_free(ledger);
}

/* ---- binding ---- */

struct binding {
    char site[LEDGER_NAME_MAX + 1];
    struct sha256 hsm_identity;
    struct ledger_people people;
};

static enum error apply_binding(struct change_context *context, void *body, struct fault *fault)
{
    const struct binding *binding = body;
    bool is_new = false;
    enum error e =
        context->ops->bind(context->store, binding->site, &binding->hsm_identity, &is_new, fault);
    if (e != ERR_OK || !is_new)
        return e;
    struct leaf leaf = leaf_new(context, "initialised");
    leaf_put_text(&leaf, "site", binding->site);
    leaf_put_hex(&leaf, "hsm", bytes_of(binding->hsm_identity.bytes, SHA256_SIZE));
    leaf_put_text(&leaf, "officer", binding->people.officer);
    leaf_put_text(&leaf, "witness", binding->people.witness);
    return leaf_append(&leaf, NULL, fault);
}

enum error ledger_initialise(struct ledger *ledger, const char *site,
                             const struct sha256 *hsm_identity, const struct ledger_people *people,
                             struct fault *fault)
{
    enum error e = valid_name(site, fault);
    if (e == ERR_OK)
        e = valid_people(people, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_binding, sizeof(struct binding), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct binding *binding = (void *)change->body;
    strcpy(binding->site, site);
    binding->hsm_identity = *hsm_identity;
    if (people != NULL)
        binding->people = *people;
    return commit_run(ledger->committer, change, fault);
}
