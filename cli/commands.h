/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The commands of provctl: one row each, in the order in which the help shows them.
 *
 * A handler does its work, prints its result on standard output, and returns ERR_OK, or fills the
 * failure. It never prints an error and never exits. Threads: main thread.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stddef.h>

#include "cli/arguments.h"
#include "cli/failure.h"

struct command {
    struct arguments_form form; /* its name is one to three words */
    const char *summary;        /* the line in the overview */
    const char *help;           /* a paragraph for --help; "" for none */
    enum error (*run)(const struct arguments *arguments, struct failure *failure);
};

struct command_group {
    const char *title;
    const char *note; /* the last paragraph of each command's --help; "" for none */
    const struct command *commands;
    size_t count;
};

extern const struct command_group ADMIN_COMMANDS;
extern const struct command_group BOTH_COMMANDS;
extern const struct command_group REST_COMMANDS;
extern const struct command_group FILE_COMMANDS;

#define COMMAND_WORDS_MAX 3

#define COMMAND_GROUPS    4
extern const struct command_group *const COMMAND_GROUP_TABLE[COMMAND_GROUPS];

/* The group that a command of the table is in. */
const struct command_group *command_group_of(const struct command *command);

/*
 * The command whose words argv begins with, the longest of them; *ret_words is how many. NULL, and
 * 0, when there is none.
 */
const struct command *command_find(int argc, char **argv, int *ret_words);

/* ---- administration, on the vault's admin socket ---- */
enum error command_hsm_init(const struct arguments *arguments, struct failure *failure);
enum error command_status(const struct arguments *arguments, struct failure *failure);
enum error command_product_create(const struct arguments *arguments, struct failure *failure);
enum error command_product_show(const struct arguments *arguments, struct failure *failure);
enum error command_product_list(const struct arguments *arguments, struct failure *failure);
enum error command_product_crls(const struct arguments *arguments, struct failure *failure);
enum error command_product_rotate_key(const struct arguments *arguments, struct failure *failure);
enum error command_product_destroy_key(const struct arguments *arguments, struct failure *failure);
enum error command_hsm_keys(const struct arguments *arguments, struct failure *failure);
enum error command_quota_add(const struct arguments *arguments, struct failure *failure);
enum error command_budget_set(const struct arguments *arguments, struct failure *failure);
enum error command_budget_remove(const struct arguments *arguments, struct failure *failure);
enum error command_budget_list(const struct arguments *arguments, struct failure *failure);
enum error command_device_allow(const struct arguments *arguments, struct failure *failure);
enum error command_device_disallow(const struct arguments *arguments, struct failure *failure);
enum error command_device_lists(const struct arguments *arguments, struct failure *failure);
enum error command_device_rebind(const struct arguments *arguments, struct failure *failure);
enum error command_grant_apply(const struct arguments *arguments, struct failure *failure);
enum error command_grant_list(const struct arguments *arguments, struct failure *failure);
enum error command_grant_show(const struct arguments *arguments, struct failure *failure);
enum error command_image_encrypt(const struct arguments *arguments, struct failure *failure);
enum error command_image_import(const struct arguments *arguments, struct failure *failure);
enum error command_image_list(const struct arguments *arguments, struct failure *failure);
enum error command_image_enable(const struct arguments *arguments, struct failure *failure);
enum error command_image_disable(const struct arguments *arguments, struct failure *failure);
enum error command_image_alias(const struct arguments *arguments, struct failure *failure);
enum error command_image_unalias(const struct arguments *arguments, struct failure *failure);
enum error command_principal_add(const struct arguments *arguments, struct failure *failure);
enum error command_principal_enroll(const struct arguments *arguments, struct failure *failure);
enum error command_principal_list(const struct arguments *arguments, struct failure *failure);
enum error command_principal_show(const struct arguments *arguments, struct failure *failure);
enum error command_principal_enable(const struct arguments *arguments, struct failure *failure);
enum error command_principal_disable(const struct arguments *arguments, struct failure *failure);
enum error command_principal_narrow(const struct arguments *arguments, struct failure *failure);
enum error command_principal_key_add(const struct arguments *arguments, struct failure *failure);
enum error command_principal_key_remove(const struct arguments *arguments, struct failure *failure);
enum error command_journal_export(const struct arguments *arguments, struct failure *failure);
enum error command_journal_override(const struct arguments *arguments, struct failure *failure);
enum error command_journal_rotate_key(const struct arguments *arguments, struct failure *failure);
enum error command_hsm_retire(const struct arguments *arguments, struct failure *failure);
enum error command_backup(const struct arguments *arguments, struct failure *failure);
enum error command_hsm_transport_key(const struct arguments *arguments, struct failure *failure);
enum error command_standby_add(const struct arguments *arguments, struct failure *failure);
enum error command_standby_remove(const struct arguments *arguments, struct failure *failure);
enum error command_standby_list(const struct arguments *arguments, struct failure *failure);
enum error command_standby_export(const struct arguments *arguments, struct failure *failure);
enum error command_standby_import(const struct arguments *arguments, struct failure *failure);
/* On the admin socket, or over REST with --url. */
enum error command_usage(const struct arguments *arguments, struct failure *failure);

/* ---- stations, over REST ---- */
enum error command_license(const struct arguments *arguments, struct failure *failure);
enum error command_license_batch(const struct arguments *arguments, struct failure *failure);
enum error command_license_list(const struct arguments *arguments, struct failure *failure);
enum error command_license_show(const struct arguments *arguments, struct failure *failure);
enum error command_install_list(const struct arguments *arguments, struct failure *failure);
enum error command_install_show(const struct arguments *arguments, struct failure *failure);
enum error command_journal_checkpoint(const struct arguments *arguments, struct failure *failure);
enum error command_journal_key(const struct arguments *arguments, struct failure *failure);
enum error command_self(const struct arguments *arguments, struct failure *failure);
enum error command_ready(const struct arguments *arguments, struct failure *failure);
enum error command_metrics(const struct arguments *arguments, struct failure *failure);
enum error command_outcome(const struct arguments *arguments, struct failure *failure);
enum error command_receipt(const struct arguments *arguments, struct failure *failure);
enum error command_image_show(const struct arguments *arguments, struct failure *failure);
enum error command_product_policy(const struct arguments *arguments, struct failure *failure);
enum error command_image_fetch(const struct arguments *arguments, struct failure *failure);

/* ---- officers and auditors, on files ---- */
enum error command_ca_new(const struct arguments *arguments, struct failure *failure);
enum error command_ca_server(const struct arguments *arguments, struct failure *failure);
enum error command_hsm_check(const struct arguments *arguments, struct failure *failure);
enum error command_grant_new(const struct arguments *arguments, struct failure *failure);
enum error command_grant_inspect(const struct arguments *arguments, struct failure *failure);
enum error command_image_seal(const struct arguments *arguments, struct failure *failure);
enum error command_mcuboot_attach(const struct arguments *arguments, struct failure *failure);
enum error command_journal_verify(const struct arguments *arguments, struct failure *failure);
enum error command_reconcile(const struct arguments *arguments, struct failure *failure);
enum error command_restore(const struct arguments *arguments, struct failure *failure);

#endif
