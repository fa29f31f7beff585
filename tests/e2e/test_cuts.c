/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Power, cable and station are cut at every step of an install, through the real service (cut.sh).
 * The image has two dozen areas of a few hundred bytes, so that every boundary is reached; the
 * short size takes every n-th step, beginning elsewhere each time.
 */
#include "e2e/floor.h"

#include <stdio.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sizes.h"

#define QUOTA 100000

static struct rig rig;

/* Two dozen pieces of a firmware with gaps between them, and what flash holds afterwards. */
static const char MAKE_IMAGE[] =
    "cd $DIR && printf cut-options >cut.options && : >cut.hex && "
    "tr '\\0' '\\377' </dev/zero | head -c 524288 >cut.flash && "
    "i=0; while [ $i -lt 24 ]; do "
    "dd if=$RIG_FIRMWARE of=piece bs=400 skip=$i count=1 2>/dev/null && "
    "objcopy -I binary -O ihex --change-addresses $((0x08000000 + i * 1024)) piece piece.hex && "
    "grep -v '^:00000001' piece.hex >>cut.hex && "
    "dd if=piece of=cut.flash bs=1024 seek=$i conv=notrunc 2>/dev/null || exit 1; i=$((i+1)); "
    "done; echo ':00000001FF' >>cut.hex && "
    "$RIG_BIN/provctl --config $RIG_CONFIG image encrypt --product $RIG_ST_PRODUCT "
    "--format st-sfi --option-bytes cut.options cut.hex --json | jq -r .image >cut.image";

static void set_up(void)
{
    http_init();
    rig_up(&rig, QUOTA);
    ck_assert_int_eq(rig_shell(&rig, "%s", MAKE_IMAGE), 0);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void cut(const char *kind, const char *what, size_t short_stride)
{
    unsigned stride = (unsigned)test_size(what, short_stride, 1);
    unsigned first = 1 + (unsigned)getpid() % stride;
    ck_assert_int_eq(rig_shell(&rig,
                               "CUT_IMAGE=$(cat $DIR/cut.image); "
                               "CUT_FLASH_SHA256=$(sha256sum <$DIR/cut.flash | cut -d' ' -f1); "
                               "set -- %s %u %u; . %s/tests/e2e/cut.sh",
                               kind, first, stride, PROVISIOND_SOURCE_DIR),
                     0);
}

START_TEST(power_cut_at_any_step_leaks_nothing_and_costs_nothing)
{
    cut("power", "power is cut at every n-th step", 37);
}
END_TEST

START_TEST(pulled_cable_at_any_step_leaks_nothing_and_costs_nothing)
{
    cut("link", "the cable is pulled at every n-th step", 37);
}
END_TEST

START_TEST(killed_station_at_any_step_leaks_nothing_and_costs_nothing)
{
    cut("station", "the station dies at every n-th step", 5);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        power_cut_at_any_step_leaks_nothing_and_costs_nothing,
        pulled_cable_at_any_step_leaks_nothing_and_costs_nothing,
        killed_station_at_any_step_leaks_nothing_and_costs_nothing,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "cuts",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 1200,
                                        .tests = tests});
}
