/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands that ask provisiond or the vault, whichever is named. Owns no state. */
#include "cli/commands.h"

#include "cli/admin.h"
#include "cli/reading.h"

static const struct command COMMANDS[] = {
    {{"product show", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "show all about one product",
     "Rule: who decides about units, anchors and policy. Check: whether a governed product is as\n"
     "its signed documents say; tampered gets no license, unchecked was not compared with the HSM\n"
     "yet. Sequence: number of its newest policy, rebind or standby document. First authorities:\n"
     "digest of the set that the HSM keeps. May sign: digest of each authority's key, and its "
     "name.",
     command_product_show},
    {{"product list", "", 0, NULL, OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "list products and quotas",
     "POLICY: what one unit pays for. CHECK: whether a governed product is as its signed\n"
     "documents say. RULE: who decides about units, anchors and policy.",
     command_product_list},
    {{"image list", "", 0, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "list a product's images",
     "",
     command_image_list},
    {{"station list", "", 0, NULL, OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "list stations",
     "KEY: how the first of its keys begins, and how many more there are; station show has all.",
     command_principal_list},
    {{"station show", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "show keys, products and lines",
     "",
     command_principal_show},
    {{"grant apply", "FILE", 1, NULL, OPTIONS(ADMIN_OPTIONS, STATION_OPTIONS)},
     "apply a document that the maker signed",
     "Counts once. The policy that makes a product is taken on the server's admin socket alone.",
     command_grant_apply},
    {{"grant list", "PRODUCT", 1, NULL, OPTIONS(ADMIN_OPTIONS, READING_OPTIONS)},
     "list the documents that were accepted",
     "TAKEN: what a revocation really took; never what was charged. LEAF: of the journal.",
     command_grant_list},
    {{"usage", "PRODUCT", 1, NULL,
      OPTIONS(ADMIN_OPTIONS, READING_OPTIONS, OPTION_BY, QUERY_TIME_OPTIONS)},
     "show a product's account",
     "The account in sums:\n"
     "\n"
     "  granted = accepted - revoked + scrap drawn\n"
     "  granted = remaining + charged\n"
     "  charged = succeeded + failed + scrapped + unreported\n"
     "\n"
     "Accepted are the units of all grants; scrap drawn are those that scrapped devices took from\n"
     "the scrap allowance. An account that does not add up is shown, and the exit code is 1.\n"
     "\n"
     "--by lot, day (UTC) or station, over --url: a row for each, of what was licensed --since "
     "and\n"
     "--until. For operators, auditors and administrators; a station may see the account alone.",
     command_usage},
};

const struct command_group BOTH_COMMANDS = {
    "From anywhere with --url (REST), or on the server (vault's admin socket)",
    "Asks provisiond when there is an address (--url or PROVCTL_URL), unless --socket or --config\n"
    "says that the vault's admin socket is meant, on the server.",
    COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0]};
