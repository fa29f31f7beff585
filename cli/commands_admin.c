/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands that ask the vault alone. Owns no state. */
#include "cli/commands.h"

#include "cli/admin.h"
#include "cli/device_options.h"
#include "cli/st_options.h"

#define SCOPE_OPTIONS OPTION_SCOPE_PRODUCT, OPTION_SCOPE_LINE

/* Changes of those who may ask: the first word is the role. */
#define PRINCIPAL_CHANGES(role, one)                                                               \
    {{role " add", "NAME", 1, OPTIONS(OPTION_CERTIFICATE), OPTIONS(ADMIN_OPTIONS, SCOPE_OPTIONS)}, \
     "enrol " one " by its TLS certificate",                                                       \
     "It is known by the certificate's key from now on. --product and --line narrow what it may\n" \
     "ask about; without them it may ask about everything that its role may.",                     \
     command_principal_add},                                                                       \
        {{role " enroll", "NAME", 1, NULL,                                                         \
          OPTIONS(ADMIN_OPTIONS, SCOPE_OPTIONS, OPTION_CERTIFICATE, OPTION_NEW_DIR, OPTION_ISSUER, \
                  OPTION_ISSUER_KEY, OPTION_DAYS)},                                                \
         "make its key and certificate, and enrol it",                                             \
         "Makes a P-256 key and a certificate of the CA in DIR (make one: provctl ca new), "       \
         "writes\n"                                                                                \
         "both to DIR as NAME.key and NAME.pem, never over a file that is there, and enrols the\n" \
         "key. When the vault refuses, neither stays; when it does not answer in time, both do.\n" \
         "Says what to copy. With --certificate the certificate is from any CA and the key from\n" \
         "elsewhere. --days is 365 when it is not given.",                                         \
         command_principal_enroll},                                                                \
        {{role " enable", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS)},                                \
         "let it ask again",                                                                       \
         "",                                                                                       \
         command_principal_enable},                                                                \
        {{role " disable", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS)},                               \
         "refuse everything it asks, from its next request on",                                    \
         "",                                                                                       \
         command_principal_disable},                                                               \
        {{role " narrow", "NAME", 1, NULL,                                                         \
          OPTIONS(ADMIN_OPTIONS, SCOPE_OPTIONS, OPTION_ALL_PRODUCTS, OPTION_ALL_LINES)},           \
         "change which products and lines it is for",                                              \
         "The products that are named take the place of those before, and so do the lines. What\n" \
         "is not named stays as it is.",                                                           \
         command_principal_narrow},                                                                \
        {{role " key add", "NAME", 1, OPTIONS(OPTION_CERTIFICATE), OPTIONS(ADMIN_OPTIONS)},        \
         "know it by one more certificate",                                                        \
         "A new key without a gap: add it, move over to it, remove the old one.",                  \
         command_principal_key_add},                                                               \
    {                                                                                              \
        {role " key remove", "NAME KEY", 2, NULL, OPTIONS(ADMIN_OPTIONS)},                         \
            "know it by a key no more", "KEY is 64 hex digits, as " role " show prints them.",     \
            command_principal_key_remove                                                           \
    }

/* Those of another role than station are told by the vault alone. */
#define PRINCIPAL_COMMANDS(role, one, many)                                                       \
    PRINCIPAL_CHANGES(role, one),                                                                 \
        {{role " list", "", 0, NULL, OPTIONS(ADMIN_OPTIONS)},                                     \
         "list " many,                                                                            \
         "",                                                                                      \
         command_principal_list},                                                                 \
    {                                                                                             \
        {role " show", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS)}, "show keys, products and lines", \
            "", command_principal_show                                                            \
    }

static const struct command COMMANDS[] = {
    {{"hsm init", "", 0, OPTIONS(OPTION_SITE),
      OPTIONS(ADMIN_OPTIONS, OPTION_OUT_DIR, OPTION_OFFICER, OPTION_WITNESS, OPTION_TRANSCRIPT)},
     "make this HSM's keys and bind the ledger to it",
     "Prints the identity of the HSM: the SHA-256 of its checkpoint key. Keep it, and with\n"
     "--out-dir the two public keys: the owner of a product checks the journal with them.\n"
     "\n"
     "For a ceremony name two people, --officer of the maker and --witness: the journal's leaf\n"
     "names them, and --transcript is a page with the token, the keys' fingerprints and the\n"
     "public keys, to be compared, printed and signed by both.",
     command_hsm_init},
    {{"status", "", 0, NULL, OPTIONS(ADMIN_OPTIONS)},
     "show the HSM, the journal and its anchor",
     "Wrapping mode: token when a session key is wrapped for a device inside the HSM alone, host\n"
     "when the key that wraps one license is derived in the memory of the HSM worker.\n"
     "Workers: programs that work with the HSM at the same time; left out when the HSM does not\n"
     "answer. Journal leaves: entries of the journal; the number never shrinks. In checkpoint:\n"
     "those under its newest signed head. In anchor: those under the head that the HSM remembers.\n"
     "Anchor: \"mismatch\" when the ledger is not the one that the HSM remembers; then both heads\n"
     "are shown as SIZE:ROOT, and what to do.\n"
     "\n"
     "Exit code 0: the vault answered, whatever it says of the HSM (provctl ready judges); 20: no\n"
     "answer within 30 seconds, or it is not there.",
     command_status},
    {{"product create", "NAME", 1, OPTIONS(OPTION_ANCHORS, OPTION_QUOTA),
      OPTIONS(ADMIN_OPTIONS, OPTION_PROFILE, OPTION_POLICY, OPTION_ATTEMPTS_MAX, ST_OPTIONS,
              DEVICE_OPTIONS, OPTION_ALLOW_SESSION_KEY_EXPOSURE)},
     "add a local product, make its firmware key",
     "The anchors are the CAs that sign the product's device certificates; for the profile st-sfi\n"
     "they are the public keys themselves (PEM, PUBLIC KEY), for --device-identity list the\n"
     "certificates or public keys of those who sign lists of devices (provctl device allow).\n"
     "\n"
     "The product is local: this site's administrator decides about it, and it never becomes\n"
     "governed. A governed product is made by a document that its authorities sign (provctl\n"
     "grant apply). --policy per-license: each new license takes a unit, not each device.\n"
     "--attempts-max: a device that asks more often is refused.\n"
     "\n"
     "--profile is who opens the licenses: cms (OpenSSL, RAUC), suit (IETF SUIT), mcuboot, jwe,\n"
     "esp-rsa (Espressif), st-sfi; docs/profiles/ has a page for each. --device-keys names the\n"
     "kinds of key that the product's devices may have. --device-validity chain-valid-at-issue "
     "takes\n"
     "devices whose CAs have expired since; --accept-sign-only takes certificates that allow\n"
     "signatures only.\n"
     "\n"
     "st-sfi makes licenses and images in the shape of ST's secure firmware install. ST's "
     "constants\n"
     "are not public: the defaults of the --st- options are this project's reference values, and\n"
     "it is not claimed that an ST chip accepts what is made here. --st-product-id is required.\n"
     "\n"
     "--allow-session-key-exposure: no HSM known to us makes a license of mcuboot or st-sfi by\n"
     "itself. While one is made, the key that an image is encrypted with is in the memory of the\n"
     "HSM worker, a program of this server: whoever reads that memory then can decrypt the image.\n"
     "Without it product create refuses such a product; product show and the journal tell how it\n"
     "is set.",
     command_product_create},
    {{"product crls", "PRODUCT", 1, NULL,
      OPTIONS(ADMIN_OPTIONS, OPTION_CRL_FILE, OPTION_NO_CRLS, OPTION_ACCEPT_OLDER)},
     "bring the newest revocation lists of its CAs",
     "A product with --crl-hours-max N takes no device whose issuers have no list, or one whose\n"
     "thisUpdate is longer ago than N hours: bring new ones in time, all together, for they take\n"
     "the place of those before. FILE is PEM with any number of lists, or one in DER. A list is\n"
     "signed by an anchor of the product, or by a CA below one whose certificate is in a FILE "
     "too.\n"
     "\n"
     "A list that is older than the one that is kept is refused, and so is a set without one of "
     "an\n"
     "issuer that had one, unless --accept-older is given, which the journal tells. Also for\n"
     "governed products: whether lists are asked for is in their signed policy.",
     command_product_crls},
    {{"product rotate-key", "PRODUCT", 1, NULL, OPTIONS(ADMIN_OPTIONS, OPTION_GENERATION)},
     "give a product a new firmware key",
     "The HSM makes a new key and wraps the session keys of all images by it, without any of them\n"
     "leaving it; then the new key is in use and the old one retired, in one step. Licenses go on\n"
     "meanwhile, and those that were issued stay as they are. Also for governed products.\n"
     "\n"
     "Cut off anywhere, it is finished by asking again. When the answer to the end was lost, hsm\n"
     "keys tells: asking once more would be the next rotation, unless --generation says to which.\n"
     "\n"
     "A backup from before needs the old key: it stays in the HSM until product destroy-key. A\n"
     "session key that was stolen stays stolen: against that only a new image helps.",
     command_product_rotate_key},
    {{"product destroy-key", "PRODUCT KEY", 2, OPTIONS(OPTION_NO_BACKUP_BEFORE),
      OPTIONS(ADMIN_OPTIONS, OPTION_YES)},
     "destroy a retired firmware key for ever",
     "KEY is 32 hex digits, as hsm keys prints them. A backup from before the key's rotation is\n"
     "worthless without it: nobody can issue a license from it any more. --no-backup-before says\n"
     "since when the oldest backup is that there still is; it must be later than the rotation, "
     "and\n"
     "stands in the journal for ever. Asks for the word \"destroy\"; with --yes it does not.",
     command_product_destroy_key},
    {{"hsm keys", "", 0, NULL, OPTIONS(ADMIN_OPTIONS, OPTION_OF_PRODUCT)},
     "list the keys in the HSM",
     "ID: of a firmware key its CKA_ID; of the HSM's own keys the SHA-256 of the public key. "
     "STATE:\n"
     "in use; retired (it wraps or signs nothing; a backup may need it); destroyed; prepared (of\n"
     "a rotation that was cut off: the same rotate-key command finishes it); missing. HSM: "
     "whether\n"
     "the HSM has it. WEAK: the first attribute that is weaker than it must be. IMAGES: whose\n"
     "session keys it wraps.",
     command_hsm_keys},
    {{"quota add", "PRODUCT", 1, OPTIONS(OPTION_UNITS), OPTIONS(ADMIN_OPTIONS, OPTION_SCRAP)},
     "add units to a local product",
     "Not repeatable: units that are added twice are granted twice. With --scrap they go to the\n"
     "scrap allowance: a device that is reported as scrapped draws one of them, which is granted\n"
     "then. A governed product gets units by provctl grant apply alone.",
     command_quota_add},
    {{"budget set", "PRODUCT", 1, OPTIONS(OPTION_UNITS, OPTION_PERIOD),
      OPTIONS(ADMIN_OPTIONS, OPTION_OFFSET, OPTION_STATION)},
     "limit the units of each period",
     "A share of the quota: in each period at most N units are charged, by one station or by all\n"
     "together. It only narrows the quota, and takes the place of the budget that was there.\n"
     "Periods are counted from --offset after 00:00 UTC on 1970-01-01: --period 8h --offset 6h\n"
     "begins at 6, 14 and 22 o'clock UTC. A device beyond the budget is refused (exit code 10).",
     command_budget_set},
    {{"budget remove", "PRODUCT", 1, NULL, OPTIONS(ADMIN_OPTIONS, OPTION_STATION)},
     "take a budget away",
     "",
     command_budget_remove},
    {{"budget list", "PRODUCT", 1, NULL, OPTIONS(ADMIN_OPTIONS)},
     "list a product's budgets",
     "USED and REMAINING are of the present period, NEXT is when the next one begins.",
     command_budget_list},
    {{"device allow", "PRODUCT LIST", 2, NULL,
      OPTIONS(ADMIN_OPTIONS, OPTION_LIST_SIGNATURE, OPTION_KEY_ID)},
     "allow the devices of a signed list",
     "For products whose devices have no certificate (product create --device-identity list). "
     "LIST\n"
     "is a manifest, which is signed inside, or a plain list with its --signature FILE. Who may\n"
     "sign is the product's --anchors. All devices of the list are allowed, or none: the message\n"
     "names the first one that is wrong. The same list again changes nothing. At most 100000\n"
     "devices in a list. docs/device-lists.md has both forms.",
     command_device_allow},
    {{"device disallow", "PRODUCT KEY", 2, NULL, OPTIONS(ADMIN_OPTIONS)},
     "take a listed device off",
     "It gets no license any more; those that it has stay what they are. KEY is the SHA-256 of "
     "its\n"
     "SubjectPublicKeyInfo. A list that names it, brought later, allows it again.",
     command_device_disallow},
    {{"device lists", "PRODUCT", 1, NULL, OPTIONS(ADMIN_OPTIONS)},
     "show which lists were taken",
     "LIST is the SHA-256 of the file, SIGNER that of the signer's SubjectPublicKeyInfo.",
     command_device_lists},
    {{"device rebind", "PRODUCT", 1, OPTIONS(OPTION_SERIAL, OPTION_OLD_KEY, OPTION_NEW_KEY),
      OPTIONS(ADMIN_OPTIONS)},
     "give a board's serial to its new key",
     "For a board that got a new chip: its serial number belongs to the new key from now on.\n"
     "The new key is charged like any new device; the old one gets no license any more. A key is\n"
     "named by the SHA-256 of its SubjectPublicKeyInfo:\n"
     "\n"
     "  openssl x509 -in chip.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum\n"
     "\n"
     "Local products only: for a governed one its authorities sign a document of the kind rebind.",
     command_device_rebind},
    {{"image encrypt", "FILE", 1, OPTIONS(OPTION_PRODUCT),
      OPTIONS(ADMIN_OPTIONS, OPTION_LABEL, OPTION_FORMAT, OPTION_CONTENT, OPTION_OPTION_BYTES,
              OPTION_ADDRESS, OPTION_EXTERNAL_FROM)},
     "encrypt a firmware in the HSM, say its digest",
     "FILE is the firmware in clear: this machine sees it (provctl image seal avoids that). The\n"
     "new image is enabled, and is what stations get as \"latest\".\n"
     "\n"
     "--format is the product's profile, cms when it is not given. With mcuboot FILE is an image\n"
     "that imgtool signed for encryption. --content is for cms aes-256-gcm (the default) or\n"
     "aes-256-cbc, for suit aes-128-gcm (the default), aes-256-gcm or aes-128-ctr.\n"
     "\n"
     "With --format st-sfi, the format of products of that profile, FILE is Intel HEX, ELF or\n"
     "S-records (the latter two are read through objcopy of binutils), or with --address a flat\n"
     "binary. --option-bytes is required then. ADDR is 0x and hex digits.",
     command_image_encrypt},
    {{"image import", "PACKAGE", 1, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS)},
     "take in an image that its maker packed at home",
     "PACKAGE is what image seal wrote. The HSM takes the image's key in, when the package is for\n"
     "it and for this product, and as it was packed; no firmware in clear is here. The new image "
     "is\n"
     "enabled. The same package again changes nothing.",
     command_image_import},
    {{"image enable", "DIGEST", 1, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS)},
     "let stations install an image",
     "",
     command_image_enable},
    {{"image disable", "DIGEST", 1, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS)},
     "stop new licenses for an image",
     "",
     command_image_disable},
    {{"image alias", "DIGEST NAME", 2, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS)},
     "name an image, so that stations may ask for the name",
     "A name is one at this site: another image of the product that had it loses it. An image has\n"
     "one name, the last that it was given.",
     command_image_alias},
    {{"image unalias", "DIGEST", 1, OPTIONS(OPTION_PRODUCT), OPTIONS(ADMIN_OPTIONS)},
     "take an image's name away",
     "",
     command_image_unalias},
    PRINCIPAL_CHANGES("station", "a station"),
    PRINCIPAL_COMMANDS("operator", "an operator", "operators"),
    PRINCIPAL_COMMANDS("auditor", "an auditor", "auditors"),
    PRINCIPAL_COMMANDS("administrator", "an administrator", "administrators"),
    PRINCIPAL_COMMANDS("metrics", "a metrics caller", "metrics callers"),
    {{"journal export", "", 0, OPTIONS(OPTION_OUT), OPTIONS(ADMIN_OPTIONS, OPTION_CHALLENGE)},
     "write the journal into a file, for auditors",
     "The file holds every leaf, the signed documents and the newest checkpoint. Prints\n"
     "\"leaves=N root=HEX\". With --challenge the auditor's nonce is one of the leaves, so that\n"
     "the export cannot be older than the nonce.",
     command_journal_export},
    {{"journal override", "", 0, OPTIONS(OPTION_ANCHOR, OPTION_HEAD), OPTIONS(ADMIN_OPTIONS)},
     "accept a ledger that the HSM does not know",
     "When provctl status shows the anchor \"mismatch\", the ledger was restored from a copy or\n"
     "was changed, and the vault issues nothing. If the right ledger exists, put it back instead.\n"
     "Name both heads exactly as status shows them. What an override means is said on standard\n"
     "error; nothing is asked. Each governed product's authorities sign one of their own first.",
     command_journal_override},
    {{"journal rotate-key", "KEY", 1, NULL, OPTIONS(ADMIN_OPTIONS, OPTION_OUT)},
     "let a new checkpoint key sign from now on",
     "KEY is the one that signs now: 64 hex digits, as provctl status shows it. The HSM makes the\n"
     "next one and lets KEY sign that it takes over, which is a leaf of the journal; the "
     "journal's\n"
     "first key still leads an auditor to it. Prints \"generation=N key=HEX leaf=N\". --out: the\n"
     "new public key, PEM. After a failure give the same KEY again: what was done is found.",
     command_journal_rotate_key},
    {{"hsm retire", "", 0, NULL,
      OPTIONS(ADMIN_OPTIONS, OPTION_SUCCESSOR, OPTION_DESTROY_KEYS, OPTION_YES)},
     "end this HSM's journal for ever",
     "A last leaf, which the HSM anchors; --successor names the HSM that follows. From then on\n"
     "nothing is licensed, granted or recorded here, also after a restart and with an older "
     "ledger;\n"
     "exports, receipts and verification go on. Units reach the successor by new grants alone.\n"
     "Asks for the word \"retire\"; with --yes it does not.\n"
     "\n"
     "--destroy-keys, after that and with this HSM's own identity: the firmware keys and the\n"
     "transport key go, and no license can ever be made from the images here. What proves the\n"
     "past stays. Both may be given again after a failure.",
     command_hsm_retire},
    {{"backup", "", 0, OPTIONS(OPTION_OUT, OPTION_RECIPIENT), OPTIONS(ADMIN_OPTIONS)},
     "write ledger and images into one encrypted file",
     "While everything runs. The ledger is that of one moment, with its journal. Only the owner "
     "of\n"
     "the certificate's private key can open FILE: provctl restore, or openssl and tar. There is\n"
     "no private key, no PIN and nothing of the HSM in it: back the HSM up as its maker says. The\n"
     "HSM signs what is in it. Exit status 14: images are missing in it, or the signature.",
     command_backup},
    {{"hsm transport-key", "", 0, NULL, OPTIONS(ADMIN_OPTIONS)},
     "print this HSM's transport key, for another site",
     "Two lines of digits, of which two people compare all, and the public key in PEM. With it\n"
     "images are packed for this HSM (provctl image seal, at the maker's), and it can be made a\n"
     "standby of another one (provctl standby add there).",
     command_hsm_transport_key},
    {{"standby add", "NAME", 1, OPTIONS(OPTION_STANDBY_KEY),
      OPTIONS(ADMIN_OPTIONS, OPTION_IDENTITY)},
     "let session keys be wrapped for another HSM",
     "Of all local products; of a governed one when its authorities have signed the same (a\n"
     "document of the kind standby). Whoever holds that HSM can license every image: compare what\n"
     "this prints with what its people read to you, never with the file alone.",
     command_standby_add},
    {{"standby remove", "NAME", 1, NULL, OPTIONS(ADMIN_OPTIONS)},
     "let no more session keys be wrapped for it",
     "What was exported before stays with that HSM.",
     command_standby_remove},
    {{"standby list", "", 0, NULL, OPTIONS(ADMIN_OPTIONS)},
     "list standby HSMs, and what each lacks",
     "NEW: images that the product has and that the newest export for the standby did not have.",
     command_standby_list},
    {{"standby export", "FILE", 1, OPTIONS(OPTION_PRODUCT),
      OPTIONS(ADMIN_OPTIONS, OPTION_TO_STANDBY)},
     "write a product's session keys for a standby",
     "Each is wrapped inside the HSM, for the standby HSM alone; the encrypted images are not in\n"
     "FILE. Repeat it after each provctl image encrypt.",
     command_standby_export},
    {{"standby import", "FILE", 1, NULL, OPTIONS(ADMIN_OPTIONS, OPTION_IMAGES)},
     "take a product's images over, on the standby",
     "FILE is what standby export wrote. The product must be there, with the same profile. Images\n"
     "are looked for in the image store and in DIR, as restore or a copy of the primary's image\n"
     "store has them. Repeatable: what is there already stays as it is.",
     command_standby_import},
};

const struct command_group ADMIN_COMMANDS = {
    "On the server only (vault's admin socket)",
    "Runs on the server only, since it asks the vault's admin socket.", COMMANDS,
    sizeof COMMANDS / sizeof COMMANDS[0]};
