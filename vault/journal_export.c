/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writing an export. The accounts are of one snapshot, and the checkpoint is signed over exactly
 * the leaves of that snapshot, so that the two can be compared. Owns no state.
 */
#include "vault/journal_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/clock.h"
#include "journal/export.h"
#include "vault/document_list.h"
#include "vault/notary.h"

/* All that one export needs; cleared at its end. */
struct work {
    struct vault *vault;
    struct export_header header; /* accounts owned */
    struct document_list documents;
    struct checkpoint checkpoint;
    FILE *out;
    struct fault write_fault;
    bool is_out_of_memory;
};

/* ---- the accounts ---- */

static bool add_account(void *context, const struct ledger_product *product,
                        const struct ledger_usage *usage)
{
    struct work *work = context;
    size_t count = work->header.account_count;
    struct export_account *accounts =
        realloc(work->header.accounts, (count + 1) * sizeof *accounts);
    work->is_out_of_memory = accounts == NULL;
    if (accounts == NULL)
        return false;
    work->header.accounts = accounts;
    accounts[count] = (struct export_account){.accepted = usage->accepted,
                                              .revoked = usage->revoked,
                                              .scrap_allowance = usage->scrap_allowance,
                                              .scrap_drawn = usage->scrap_drawn,
                                              .granted = usage->granted,
                                              .charged = usage->charged,
                                              .remaining = usage->remaining,
                                              .licensed = usage->licensed,
                                              .succeeded = usage->succeeded,
                                              .proven = usage->proven,
                                              .failed = usage->failed,
                                              .scrapped = usage->scrapped,
                                              .unreported = usage->unreported};
    strcpy(accounts[count].product, product->name);
    work->header.account_count++;
    return true;
}

/* Signs a checkpoint over exactly the snapshot that the accounts are of. */
static enum error take_snapshot(struct work *work, struct fault *fault)
{
    struct vault *vault = work->vault;
    struct checkpoint *checkpoint = &work->checkpoint;
    int64_t size = 0;
    work->header.account_count = 0;
    enum error e = ledger_accounts_each(vault->ledger, true, add_account, work, &size, fault);
    if (e == ERR_OK && work->is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e == ERR_OK)
        e = notary_sign(vault->notary, size, checkpoint, work->header.checkpoint, fault);
    return e;
}

/* ---- the header ---- */

/* The key that signed the checkpoint. */
static enum error put_key(struct work *work, struct fault *fault)
{
    struct key_chain keys;
    enum error e = notary_keys(work->vault->notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    const struct bytes spki = key_chain_spki(key_chain_at(&keys, work->checkpoint.size));
    const unsigned char *at = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.length);
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_written = key != NULL && memory != NULL && PEM_write_bio_PUBKEY(memory, key) == 1;
    int length = is_written ? BIO_read(memory, work->header.key, sizeof work->header.key - 1) : 0;
    EVP_PKEY_free(key);
    BIO_free(memory);
    if (length <= 0)
        return fault_set(fault, ERR_INTERNAL, "key", "The checkpoint key cannot be written.", 0);
    work->header.key[length] = '\0';
    return ERR_OK;
}

/* Documents that were accepted after the checkpoint are not in it. */
static size_t documents_before(const struct document_list *list, int64_t size)
{
    size_t count = 0;
    while (count < list->count && list->rows[count].journal_index < size)
        count++;
    return count;
}

static enum error make_header(struct work *work, const struct journal_export_request *request,
                              struct fault *fault)
{
    int64_t index = 0;
    enum error e = ERR_OK;
    if (request->challenge.length > 0)
        e = ledger_challenge(work->vault->ledger, request->challenge, request->by, &index, fault);
    if (e == ERR_OK)
        e = take_snapshot(work, fault);
    if (e == ERR_OK)
        e = put_key(work, fault);
    if (e == ERR_OK)
        e = document_list_read(work->vault->ledger, NULL, &work->documents, fault);
    if (e != ERR_OK)
        return e;
    if (request->challenge.length > 0)
        memcpy(work->header.challenge, request->challenge.data, request->challenge.length);
    work->header.challenge_length = request->challenge.length;
    work->header.leaves = work->checkpoint.size;
    work->header.documents = (int64_t)documents_before(&work->documents, work->checkpoint.size);
    work->header.made_unix_ms = clock_unix_ms();
    return ERR_OK;
}

/* ---- the file ---- */

static bool write_leaf(void *context, int64_t index, struct bytes entry)
{
    struct work *work = context;
    (void)index;
    return export_write_leaf(work->out, entry, &work->write_fault) == ERR_OK;
}

static enum error write_all(struct work *work, struct fault *fault)
{
    enum error e = export_write_header(work->out, &work->header, fault);
    for (int64_t i = 0; i < work->header.documents && e == ERR_OK; i++)
        e = export_write_document(work->out, work->documents.rows[i].document, fault);
    if (e == ERR_OK)
        e = ledger_leaves_each(work->vault->ledger, 0, work->header.leaves, write_leaf, work,
                               fault);
    if (e == ERR_OK && work->write_fault.code != ERR_OK) {
        *fault = work->write_fault;
        e = fault->code;
    }
    return e;
}

static enum error write_fault(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "export-file",
                     "The export cannot be written: see the number; 28 is a full disk.", errno);
}

/* A stream over a copy of the descriptor, so that closing it leaves the caller's open. */
static enum error write_file(struct work *work, int file, struct fault *fault)
{
    int copy = dup(file);
    work->out = copy >= 0 ? fdopen(copy, "w") : NULL;
    if (work->out == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return write_fault(fault);
    }
    enum error e = write_all(work, fault);
    errno = 0;
    bool is_written = ferror(work->out) == 0 && fflush(work->out) == 0 && fsync(copy) == 0;
    if (e == ERR_OK && !is_written)
        e = write_fault(fault);
    (void)fclose(work->out);
    return e;
}

static enum error check_file(int file, struct fault *fault)
{
    struct stat info;
    if (file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "export-file",
                     "An export is written into an empty regular file.", 0);
}

static enum error check_challenge(struct bytes challenge, struct fault *fault)
{
    if (challenge.length == 0 ||
        (challenge.length >= EXPORT_CHALLENGE_MIN && challenge.length <= EXPORT_CHALLENGE_MAX))
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "challenge", "A challenge has 8 to 64 bytes.", 0);
}

enum error journal_export(struct vault *vault, const struct journal_export_request *request,
                          struct ledger_head *ret_head, struct fault *fault)
{
    struct work work = {.vault = vault};
    enum error e = check_file(request->file, fault);
    if (e == ERR_OK)
        e = check_challenge(request->challenge, fault);
    if (e == ERR_OK)
        e = make_header(&work, request, fault);
    if (e == ERR_OK)
        e = write_file(&work, request->file, fault);
    if (e == ERR_OK)
        *ret_head = (struct ledger_head){work.checkpoint.size, work.checkpoint.root};
    document_list_clear(&work.documents);
    free(work.header.accounts);
    return e;
}
