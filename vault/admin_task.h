/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One administrative request on its way: the question, who asked, and the answer under
 * construction. Whatever the answer points into is kept in the task and freed with it.
 * Threads: a task belongs to one thread.
 */
#ifndef VAULT_ADMIN_TASK_H
#define VAULT_ADMIN_TASK_H

#include "journal/key_chain.h"
#include "vault.pb-c.h"
#include "vault/grants.h"
#include "vault/state.h"
#include "vault/standby.h"
#include "vault/usage.h"

#define ADMIN_NAME_RULE                                                                           \
    "A name is 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or " \
    "digit."

struct admin_task {
    struct vault *vault;
    const Provisiond__AdminRequest *request;
    int file;        /* the descriptor that came along, borrowed; -1 for none */
    int answer_file; /* to go with the answer, closed behind it; -1 for none */
    char by[32];     /* "uid:1000", for the journal */

    Provisiond__AdminReply reply;
    struct fault fault;
    union {
        Provisiond__AdminStatusReply status;
        Provisiond__AdminInitReply init;
        Provisiond__ProductCreateReply product_create;
        Provisiond__ProductListReply product_list;
        Provisiond__QuotaAddReply quota_add;
        Provisiond__ImageEncryptReply image_encrypt;
        Provisiond__ImageImportReply image_import;
        Provisiond__ImageListReply image_list;
        Provisiond__ImageEnableReply image_enable;
        Provisiond__ImageAliasReply image_alias;
        Provisiond__PrincipalAddReply principal_add;
        Provisiond__PrincipalListReply principal_list;
        Provisiond__PrincipalEnableReply principal_enable;
        Provisiond__PrincipalNarrowReply principal_narrow;
        Provisiond__PrincipalKeyReply principal_key;
        Provisiond__UsageReply usage;
        Provisiond__GrantListReply grant_list;
        Provisiond__JournalExportReply journal_export;
        Provisiond__JournalOverrideReply journal_override;
        Provisiond__JournalRotateKeyReply journal_rotate_key;
        Provisiond__HsmRetireReply hsm_retire;
        Provisiond__HsmKeysDestroyReply hsm_destroy_keys;
        Provisiond__BudgetSetReply budget_set;
        Provisiond__BudgetListReply budget_list;
        Provisiond__DeviceRebindReply device_rebind;
        Provisiond__DeviceAllowReply device_allow;
        Provisiond__DeviceDisallowReply device_disallow;
        Provisiond__DeviceListsReply device_lists;
        Provisiond__LedgerCopyReply ledger_copy;
        Provisiond__ImageFileReply image_file;
        Provisiond__ProductKeyRotateReply product_key_rotate;
        Provisiond__ProductKeysReply product_keys;
        Provisiond__ProductKeyDestroyReply product_key_destroy;
        Provisiond__StandbyListReply standby_list;
        Provisiond__StandbyAddReply standby_add;
        Provisiond__StandbyRemoveReply standby_remove;
        Provisiond__StandbyExportReply standby_export;
        Provisiond__StandbyImportReply standby_import;
        Provisiond__ProductCrlsReply product_crls;
    } result; /* reply points here */
    union {
        struct {
            struct ledger_info info;
            struct hsm_status hsm;
            struct fault hsm_fault;
            struct notary_view notary;
            Provisiond__JournalHead breach_anchor;
            Provisiond__JournalHead breach_head;
            struct hsm_weak_key weak_keys[HSM_WEAK_KEYS_MAX];
            char weak_details[HSM_WEAK_KEYS_MAX][HSM_WEAK_KEY_TEXT_MAX];
            Provisiond__AdminWeakKey weak_messages[HSM_WEAK_KEYS_MAX];
            Provisiond__AdminWeakKey *weak_list[HSM_WEAK_KEYS_MAX];
            struct key_chain keys;
            struct sha256 digests[HSM_CHECKPOINT_KEYS_MAX];
            Provisiond__CheckpointKey rows[HSM_CHECKPOINT_KEYS_MAX];
            Provisiond__CheckpointKey *links[HSM_CHECKPOINT_KEYS_MAX];
        } status;
        struct {
            struct hsm_spki checkpoint;
            struct hsm_spki transport;
            struct sha256 identity;
        } init;
        struct key_chain_key checkpoint_key;
        struct sha256 digest;
        struct ledger_device_list list;
        struct ledger_named named;
        struct standby_exported exported;
        struct standby_own own;
        struct usage_text usage;
        struct grants_answer grant;
        struct hsm_key_id key;
    } values;     /* result points here */
    void *memory; /* what a listing points into; see admin_list.c */
    void (*free_memory)(void *memory);
};

/* Each fills task->reply or task->fault and returns the fault's code. */
enum error admin_status(struct admin_task *task) MUST_USE;
enum error admin_init(struct admin_task *task) MUST_USE;
enum error admin_product_create(struct admin_task *task) MUST_USE;
enum error admin_quota_add(struct admin_task *task) MUST_USE;
enum error admin_image_encrypt(struct admin_task *task) MUST_USE;
enum error admin_image_import(struct admin_task *task) MUST_USE;
enum error admin_image_enable(struct admin_task *task) MUST_USE;
enum error admin_image_alias(struct admin_task *task) MUST_USE;
enum error admin_principal_add(struct admin_task *task) MUST_USE;
enum error admin_principal_enable(struct admin_task *task) MUST_USE;
enum error admin_principal_narrow(struct admin_task *task) MUST_USE;
enum error admin_principal_key(struct admin_task *task) MUST_USE;
enum error admin_usage(struct admin_task *task) MUST_USE;
enum error admin_product_crls(struct admin_task *task) MUST_USE;
enum error admin_product_list(struct admin_task *task) MUST_USE;
enum error admin_image_list(struct admin_task *task) MUST_USE;
enum error admin_principal_list(struct admin_task *task) MUST_USE;
enum error admin_grant_apply(struct admin_task *task) MUST_USE;
enum error admin_grant_list(struct admin_task *task) MUST_USE;
enum error admin_journal_export(struct admin_task *task) MUST_USE;
enum error admin_journal_override(struct admin_task *task) MUST_USE;
enum error admin_journal_rotate_key(struct admin_task *task) MUST_USE;
enum error admin_hsm_retire(struct admin_task *task) MUST_USE;
enum error admin_hsm_destroy_keys(struct admin_task *task) MUST_USE;
enum error admin_budget_set(struct admin_task *task) MUST_USE;
enum error admin_budget_list(struct admin_task *task) MUST_USE;
enum error admin_device_rebind(struct admin_task *task) MUST_USE;
enum error admin_device_allow(struct admin_task *task) MUST_USE;
enum error admin_device_disallow(struct admin_task *task) MUST_USE;
enum error admin_device_lists(struct admin_task *task) MUST_USE;
enum error admin_ledger_copy(struct admin_task *task) MUST_USE;
enum error admin_image_file(struct admin_task *task) MUST_USE;
enum error admin_product_key_rotate(struct admin_task *task) MUST_USE;
enum error admin_product_keys(struct admin_task *task) MUST_USE;
enum error admin_product_key_destroy(struct admin_task *task) MUST_USE;
enum error admin_standby_list(struct admin_task *task) MUST_USE;
enum error admin_standby_add(struct admin_task *task) MUST_USE;
enum error admin_standby_remove(struct admin_task *task) MUST_USE;
enum error admin_standby_export(struct admin_task *task) MUST_USE;
enum error admin_standby_import(struct admin_task *task) MUST_USE;

/* One of the few places for work that takes long: ERR_BUSY ("encryptions"). Left in any case. */
enum error admin_long_work(struct admin_task *task,
                           enum error (*work)(struct admin_task *task)) MUST_USE;
/* Whether an encrypted image is of a profile's form. */
enum error admin_check_image(const char *profile, int fd, uint64_t size,
                             struct fault *fault) MUST_USE;
/* What of the disk is others'. */
int64_t admin_reserve(const struct admin_task *task);

/* The refusal of a malformed field. */
enum error admin_refuse_field(struct admin_task *task, const char *reason,
                              const char *detail) MUST_USE;
bool admin_read_digest(const ProtobufCBinaryData *field, struct sha256 *ret_digest);

#endif
