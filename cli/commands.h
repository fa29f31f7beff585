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
    struct arguments_form form; /* its name is one or two words */
    const char *summary;        /* the line in the overview */
    const char *help;           /* a paragraph for --help; "" for none */
    enum error (*run)(const struct arguments *arguments, struct failure *failure);
};

struct command_group {
    const char *title;
    const struct command *commands;
    size_t count;
};

#define COMMAND_GROUPS 3
extern const struct command_group COMMAND_GROUP_TABLE[COMMAND_GROUPS];

/* ---- administration, on the vault's admin socket ---- */
enum error command_init(const struct arguments *arguments, struct failure *failure);
enum error command_status(const struct arguments *arguments, struct failure *failure);
enum error command_product_create(const struct arguments *arguments, struct failure *failure);
enum error command_product_show(const struct arguments *arguments, struct failure *failure);
enum error command_product_list(const struct arguments *arguments, struct failure *failure);
enum error command_quota_add(const struct arguments *arguments, struct failure *failure);
enum error command_budget_set(const struct arguments *arguments, struct failure *failure);
enum error command_budget_remove(const struct arguments *arguments, struct failure *failure);
enum error command_budget_list(const struct arguments *arguments, struct failure *failure);
enum error command_device_rebind(const struct arguments *arguments, struct failure *failure);
enum error command_grant_apply(const struct arguments *arguments, struct failure *failure);
enum error command_grant_list(const struct arguments *arguments, struct failure *failure);
enum error command_image_encrypt(const struct arguments *arguments, struct failure *failure);
enum error command_image_list(const struct arguments *arguments, struct failure *failure);
enum error command_image_enable(const struct arguments *arguments, struct failure *failure);
enum error command_image_disable(const struct arguments *arguments, struct failure *failure);
enum error command_image_alias(const struct arguments *arguments, struct failure *failure);
enum error command_image_unalias(const struct arguments *arguments, struct failure *failure);
enum error command_station_add(const struct arguments *arguments, struct failure *failure);
enum error command_station_list(const struct arguments *arguments, struct failure *failure);
enum error command_station_enable(const struct arguments *arguments, struct failure *failure);
enum error command_station_disable(const struct arguments *arguments, struct failure *failure);
enum error command_journal_export(const struct arguments *arguments, struct failure *failure);
enum error command_journal_override(const struct arguments *arguments, struct failure *failure);
/* On the admin socket, or over REST with --url. */
enum error command_usage(const struct arguments *arguments, struct failure *failure);

/* ---- stations, over REST ---- */
enum error command_license(const struct arguments *arguments, struct failure *failure);
enum error command_outcome(const struct arguments *arguments, struct failure *failure);
enum error command_receipt(const struct arguments *arguments, struct failure *failure);
enum error command_image_fetch(const struct arguments *arguments, struct failure *failure);

/* ---- officers and auditors, on files ---- */
enum error command_grant_new(const struct arguments *arguments, struct failure *failure);
enum error command_grant_inspect(const struct arguments *arguments, struct failure *failure);
enum error command_journal_verify(const struct arguments *arguments, struct failure *failure);
enum error command_reconcile(const struct arguments *arguments, struct failure *failure);

#endif
