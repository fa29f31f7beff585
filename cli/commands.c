/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of commands. Owns no state. */
#include "cli/commands.h"

#include "cli/admin.h"
#include "cli/st_options.h"
#include "cli/station.h"

#define BIT(name) OPTION_BIT(OPTION_##name)

static const struct command ADMINISTRATION[] = {
    {{"init", "", 0, BIT(SITE), ADMIN_OPTIONS | BIT(OUT_DIR)},
     "make this HSM's keys and bind the ledger to it",
     "Prints the identity of the HSM: the SHA-256 of its checkpoint key. Keep it, and with\n"
     "--out-dir the two public keys: the owner of a product checks the journal with them.",
     command_init},
    {{"status", "", 0, 0, ADMIN_OPTIONS},
     "show the HSM, its workers and the journal",
     "Wrapping mode: token when a session key is wrapped for a device inside the HSM alone, host\n"
     "when the key that wraps one license is derived in the memory of the HSM worker.\n"
     "Workers: programs that work with the HSM at the same time; left out when the HSM does not\n"
     "answer. Journal leaves: entries of the journal; the number never shrinks.",
     command_status},
    {{"product create", "NAME", 1, BIT(ANCHORS) | BIT(QUOTA),
      ADMIN_OPTIONS | BIT(PROFILE) | ST_OPTIONS},
     "add a product and make its firmware key",
     "The anchors are the CAs that sign the product's device certificates; for the profile st-sfi\n"
     "they are the public keys themselves (PEM, PUBLIC KEY).\n"
     "\n"
     "st-sfi makes licenses and images in the shape of ST's secure firmware install. ST's "
     "constants\n"
     "are not public: the defaults of the --st- options are this project's reference values, and\n"
     "it is not claimed that an ST chip accepts what is made here. --st-product-id is required.\n"
     "\n"
     "--allow-session-key-exposure: no HSM known to us makes such a license by itself. While one "
     "is\n"
     "made, the key that an image is encrypted with is in the memory of the HSM worker, a program\n"
     "of this server: whoever reads that memory then can decrypt the image. Without it product\n"
     "create refuses such a product; product show and the journal tell how it is set.",
     command_product_create},
    {{"product show", "NAME", 1, 0, ADMIN_OPTIONS},
     "show all about one product",
     "Account, whether session keys are exposed, and the settings of its profile.",
     command_product_show},
    {{"product list", "", 0, 0, ADMIN_OPTIONS},
     "list products and quotas",
     "POLICY: what one unit pays for; per-device is one device, however often it is asked for.\n"
     "RULE: who may add units; local is this site's administrator, with provctl quota add.",
     command_product_list},
    {{"quota add", "PRODUCT", 1, BIT(UNITS), ADMIN_OPTIONS},
     "add units to a local product",
     "Not repeatable: units that are added twice are granted twice.",
     command_quota_add},
    {{"image encrypt", "FILE", 1, BIT(PRODUCT),
      ADMIN_OPTIONS | BIT(LABEL) | BIT(FORMAT) | BIT(OPTION_BYTES) | BIT(ADDRESS) |
          BIT(EXTERNAL_FROM)},
     "encrypt a firmware in the HSM, print its digest",
     "FILE is the firmware in clear: this machine sees it. The new image is enabled, and is what\n"
     "stations get as \"latest\".\n"
     "\n"
     "With --format st-sfi, the format of products of that profile, FILE is Intel HEX, ELF or\n"
     "S-records (the latter two are read through objcopy of binutils), or with --address a flat\n"
     "binary. --option-bytes is required then. ADDR is 0x and hex digits.",
     command_image_encrypt},
    {{"image list", "", 0, BIT(PRODUCT), ADMIN_OPTIONS},
     "list a product's images",
     "",
     command_image_list},
    {{"image enable", "DIGEST", 1, BIT(PRODUCT), ADMIN_OPTIONS},
     "let stations install an image",
     "",
     command_image_enable},
    {{"image disable", "DIGEST", 1, BIT(PRODUCT), ADMIN_OPTIONS},
     "stop new licenses for an image",
     "",
     command_image_disable},
    {{"image alias", "DIGEST NAME", 2, BIT(PRODUCT), ADMIN_OPTIONS},
     "name an image, so that stations may ask for the name",
     "A name is one at this site: another image of the product that had it loses it. An image has\n"
     "one name, the last that it was given.",
     command_image_alias},
    {{"image unalias", "DIGEST", 1, BIT(PRODUCT), ADMIN_OPTIONS},
     "take an image's name away",
     "",
     command_image_unalias},
    {{"station add", "NAME", 1, BIT(CERTIFICATE), ADMIN_OPTIONS},
     "enrol a station by its TLS certificate",
     "The station is known by the certificate's key from now on.",
     command_station_add},
    {{"station list", "", 0, 0, ADMIN_OPTIONS}, "list stations", "", command_station_list},
    {{"station enable", "NAME", 1, 0, ADMIN_OPTIONS},
     "let a station ask again",
     "",
     command_station_enable},
    {{"station disable", "NAME", 1, 0, ADMIN_OPTIONS},
     "refuse everything a station asks",
     "",
     command_station_disable},
    {{"usage", "PRODUCT", 1, 0, ADMIN_OPTIONS | STATION_OPTIONS},
     "show a product's account (also over --url)",
     "Asks provisiond when there is an address (--url or its environment), unless --socket or\n"
     "--config says that the vault's admin socket is meant.",
     command_usage},
};

#define CONTEXT_OPTIONS (BIT(LOT) | BIT(LINE) | BIT(WORK_ORDER) | BIT(OPERATOR) | BIT(SOCKET_NAME))

static const struct command STATION[] = {
    {{"license", "", 0, STATION_OPTIONS_REQUIRED | BIT(PRODUCT) | BIT(OUT),
      BIT(DEVICE_CERT) | BIT(ST_CERTIFICATE) | BIT(TIMEOUT) | BIT(IMAGE) | CONTEXT_OPTIONS},
     "get the license of one device",
     "The device is --device-cert FILE, or --st-certificate FILE for an ST chip: exactly one.\n"
     "Prints \"INSTALL_ID charged=yes|no remaining=N\" and writes the license to --out (- is\n"
     "standard output; the line goes to standard error then). The same device again gets the same\n"
     "bytes and costs nothing.",
     command_license},
    {{"outcome", "INSTALL_ID RESULT", 2, STATION_OPTIONS_REQUIRED,
      BIT(TIMEOUT) | BIT(CODE) | BIT(DETAIL)},
     "report how an install ended",
     "RESULT is succeeded, failed or scrapped. Scrapped is final for the device.",
     command_outcome},
    {{"image fetch", "DIGEST", 1, STATION_OPTIONS_REQUIRED | BIT(OUT), BIT(TIMEOUT)},
     "download an encrypted image, checked, resumable",
     "An interrupted download stays as FILE.part and is continued next time. Gives up when "
     "nothing\n"
     "arrives for --timeout seconds.",
     command_image_fetch},
};

const struct command_group COMMAND_GROUP_TABLE[COMMAND_GROUPS] = {
    {"Administration (vault's admin socket)", ADMINISTRATION,
     sizeof ADMINISTRATION / sizeof ADMINISTRATION[0]},
    {"Stations (REST; --url --ca --cert --key, or PROVCTL_URL ...)", STATION,
     sizeof STATION / sizeof STATION[0]},
};
