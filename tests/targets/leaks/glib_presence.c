// Counts the devices that a radio hears, per antenna. Made with GLib.
//
//   leak   antenna_hear      a device is noted with the time it was last heard; phones change
//                            their numbers every few minutes, and no number is ever removed
//   decoy  report_add        records in a GPtrArray, written and freed: a saw-tooth
//   decoy  vendor_name       names by the first bytes of a number: each is made when it is
//                            first met, and there are only so many
//   decoy  window_put        the last 4000 signals, a GQueue at its limit

#include <glib.h>
#include <inttypes.h>

#include "tests/targets/leaks/pacing.h"

enum { kAntennas = 24, kWindow = 4000, kReport = 6000, kVendors = 1500 };

typedef struct Record {
  guint device;
  guint antenna;
  gchar text[200];
} Record;

typedef struct Signal {
  guint device;
  gdouble strength[60];
} Signal;

static GHashTable* antennas[kAntennas];
static GPtrArray* report;
static GHashTable* vendors;
static GQueue window = G_QUEUE_INIT;

static void antenna_hear(GHashTable* devices, guint device, guint when) {
  g_hash_table_insert(devices, GUINT_TO_POINTER(device), GUINT_TO_POINTER(when));
}

static void report_add(guint device, guint antenna) {
  Record* record = g_new0(Record, 1);
  record->device = device;
  record->antenna = antenna;
  g_snprintf(record->text, sizeof record->text, "device %u at antenna %u", device, antenna);
  g_ptr_array_add(report, record);
  if (report->len == kReport) g_ptr_array_set_size(report, 0);
}

static const gchar* vendor_name(guint vendor) {
  gchar* name = g_hash_table_lookup(vendors, GUINT_TO_POINTER(vendor));
  if (name == NULL) {
    name = g_strdup_printf(
        "Vendor of radios number %u, and of other things, of %u Long Street, "
        "in the town of Example, which made this device or at least its number",
        vendor, vendor % 97);
    g_hash_table_insert(vendors, GUINT_TO_POINTER(vendor), name);
  }
  return name;
}

static void window_put(guint device) {
  Signal* signal = g_malloc0(sizeof *signal);
  signal->device = device;
  g_queue_push_tail(&window, signal);
  if (g_queue_get_length(&window) > kWindow) g_free(g_queue_pop_head(&window));
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  for (int i = 0; i < kAntennas; ++i) antennas[i] = g_hash_table_new(NULL, NULL);
  report = g_ptr_array_new_with_free_func(g_free);
  vendors = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t letters = 0;
  while (PaceNext(&pace)) {
    for (int i = 0; i < 40; ++i) {
      const guint device = (guint)RandomNext(&random) | 1;
      const guint antenna = (guint)RandomPopular(&random, kAntennas);
      antenna_hear(antennas[antenna], device, (guint)pace.tick * 1000);
      if (i % 2 != 0) continue;
      window_put(device);
      report_add(device, antenna);
      letters += strlen(vendor_name(1 + device % kVendors));
    }
  }
  printf("letters: %" PRIu64 "\n", letters);
  return 0;
}
