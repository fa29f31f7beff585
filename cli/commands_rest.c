/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands that ask provisiond. Owns no state. */
#include "cli/commands.h"

#include "cli/reading.h"

#define CONTEXT_OPTIONS \
    OPTION_LOT, OPTION_LINE, OPTION_WORK_ORDER, OPTION_OPERATOR, OPTION_SOCKET_NAME

static const struct command COMMANDS[] = {
    {{"license", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_PRODUCT, OPTION_OUT),
      OPTIONS(OPTION_DEVICE_CERT, OPTION_ST_CERTIFICATE, STATION_OPTIONS_RETRY, OPTION_IMAGE,
              CONTEXT_OPTIONS)},
     "get the license of one device",
     "The device is --device-cert FILE, or --st-certificate FILE for an ST chip: exactly one.\n"
     "Prints \"INSTALL_ID charged=yes|no remaining=N\" and writes the license to --out (- is\n"
     "standard output; the line goes to standard error then). The same device again gets the same\n"
     "bytes and costs nothing. The license's own id is INSTALL_ID with lic- in place of ins-;\n"
     "provctl receipt takes either.",
     command_license},
    {{"license batch", "SOURCE", 1, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_NEW_DIR),
      OPTIONS(STATION_OPTIONS_RETRY, OPTION_PRODUCT, OPTION_IMAGE, CONTEXT_OPTIONS)},
     "get the licenses of many devices",
     "SOURCE is a folder of device certificates NAME.pem, or a file of lines of JSON (- is "
     "standard\n"
     "input), each the body of a request for one license. A line may have a \"name\" (otherwise "
     "it\n"
     "is its number) and may leave product, image and context to the options. Writes DIR/NAME.bin\n"
     "and prints a line for each device as soon as its answer is final:\n"
     "\n"
     "  NAME INSTALL_ID charged=yes|no remaining=N\n"
     "  NAME refused REASON: WHAT\n"
     "\n"
     "A certificate or line that cannot be read is refused, with FILE or FILE:LINE in its "
     "message,\n"
     "and the others go on. Exit code 0: each device has its license; 20: some were told "
     "\"later\",\n"
     "run it again, which costs nothing; else the code of the first device that got none, 1 for "
     "one\n"
     "that could not be read. At most 10000 devices.",
     command_license_batch},
    {{"license list", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY, READING_PAGE_OPTIONS, QUERY_FILTER_OPTIONS)},
     "list licenses, the newest first",
     "ATTEMPTS: how often the license was asked for.",
     command_license_list},
    {{"license show", "LICENSE_ID", 1, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "show what is known of a license",
     "LICENSE_ID may be the INSTALL_ID. The bytes of a license come from provctl license alone.",
     command_license_show},
    {{"install list", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY, READING_PAGE_OPTIONS, QUERY_FILTER_OPTIONS, OPTION_RESULT)},
     "list installs and how they ended, the newest first",
     "PROVEN: a device's receipt is on record.",
     command_install_list},
    {{"install show", "INSTALL_ID", 1, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "show what is known of an install",
     "",
     command_install_show},
    {{"outcome", "INSTALL_ID RESULT", 2, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY, OPTION_CODE, OPTION_DETAIL, OPTION_DEVICE_RECEIPT)},
     "report how an install ended",
     "INSTALL_ID is what provctl license printed; the license's id will do too. RESULT is\n"
     "succeeded, failed or scrapped. Scrapped is final for the device. Prints\n"
     "\"INSTALL_ID RESULT\", and with succeeded proven=yes|no: whether a device's receipt is on\n"
     "record, its key's signature over the text INSTALL_ID (ECDSA with SHA-256); with scrapped\n"
     "scrap_drawn=yes|no: whether the scrap allowance had a unit for it.",
     command_outcome},
    {{"receipt", "LICENSE_ID", 1, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_OUT),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "get the proof that a license is in the journal",
     "LICENSE_ID may be the INSTALL_ID that provctl license printed. The proof exists as soon as\n"
     "a checkpoint covers the license: it is asked for again until then, within --timeout.\n"
     "Writes the server's JSON to --out (- is standard output) and prints\n"
     "\"LICENSE_ID leaf=N checkpoint=N\". Keep the file: with it nobody can take the license\n"
     "out of the journal unseen.",
     command_receipt},
    {{"image fetch", "DIGEST", 1, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_OUT),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "fetch an encrypted image, checked, resumable",
     "An interrupted download stays as FILE.part and is continued next time. Gives up when "
     "nothing\n"
     "arrives for --timeout seconds.",
     command_image_fetch},
    {{"image show", "DIGEST", 1, OPTIONS(STATION_OPTIONS_REQUIRED), OPTIONS(STATION_OPTIONS_RETRY)},
     "show what is known of an image",
     "A page for each product that has it.",
     command_image_show},
    {{"product policy", "NAME", 1, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY, OPTION_ANCHORS_OUT)},
     "show a product's policy, get its anchors",
     "With --anchors the PEM of the CAs that sign its devices (st-sfi: public keys) is written; - "
     "is\n"
     "standard output. With --json they are the member anchors.",
     command_product_policy},
    {{"journal checkpoint", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_OUT),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "fetch the newest signed checkpoint",
     "Writes it to --out (- is standard output) and prints \"leaves=N root=HEX\". Keep it: "
     "journal\n"
     "verify --since proves later that nothing under it was rewritten.",
     command_journal_checkpoint},
    {{"journal key", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED, OPTION_OUT),
      OPTIONS(STATION_OPTIONS_RETRY)},
     "fetch the public key of checkpoints",
     "Writes it to --out (- is standard output) and prints \"key=HEX\", the identity of the HSM "
     "as\n"
     "provctl hsm init printed it, until the key was rotated. A server could give any key: "
     "compare, "
     "or\n"
     "let journal verify follow from the first one.",
     command_journal_key},
    {{"grant show", "GRANT_ID", 1, OPTIONS(STATION_OPTIONS_REQUIRED),
      OPTIONS(STATION_OPTIONS_RETRY, OPTION_DOCUMENT_OUT)},
     "show a document that was accepted",
     "With --out the signed document is written as it was handed over; - is standard output.",
     command_grant_show},
    {{"self", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED), OPTIONS(STATION_OPTIONS_RETRY)},
     "show who the server takes us for",
     "Name, role, keys, and the products and lines that the caller is narrowed to.",
     command_self},
    {{"ready", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED), OPTIONS(OPTION_TIMEOUT)},
     "ask whether a license could be issued now",
     "Prints the checks. Asks once. Exit code 0: it could; 20: not now; 1: not before somebody\n"
     "mends it by hand, or the answer is no answer.",
     command_ready},
    {{"metrics", "", 0, OPTIONS(STATION_OPTIONS_REQUIRED), OPTIONS(STATION_OPTIONS_RETRY)},
     "print the metrics of /metrics",
     "As Prometheus reads them, or with --json as {\"samples\": [{name, labels, value}]}. For the\n"
     "roles metrics, operator and administrator.",
     command_metrics},
};

const struct command_group REST_COMMANDS = {
    "From anywhere over REST (--url --ca --cert --key, or PROVCTL_URL ...)", "", COMMANDS,
    sizeof COMMANDS / sizeof COMMANDS[0]};
