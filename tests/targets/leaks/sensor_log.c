// Reads sensors and shows the last readings of each.
//
//   leak   channel_append    readings go to an array per sensor that is extended by 512 at a
//                            time; the wrap-around that the design had was never written
//   decoy  packet_get        packets from a free list; as many as the busiest moment needed
//   decoy  upload_add        a buffer that is compressed, sent off and freed: a saw-tooth

#include <inttypes.h>

#include "tests/targets/leaks/pacing.h"

enum { kSensors = 30, kStep = 512 };

struct reading {
  uint64_t time;
  double value;
  double raw;
};

struct channel {
  struct reading* readings;
  size_t count;
  size_t capacity;
};

struct packet {
  struct packet* next;
  unsigned sensor;
  unsigned char payload[700];
};

static struct channel channels[kSensors];
static struct packet* free_packets;
static struct packet* waiting_packets;
static unsigned waiting;

static char* upload;
static size_t upload_size, upload_capacity;
static uint64_t uploads;

static void channel_append(struct channel* channel, uint64_t time, double value) {
  if (channel->count == channel->capacity) {
    const size_t capacity = channel->capacity + kStep;
    struct reading* bigger = realloc(channel->readings, capacity * sizeof *bigger);
    if (bigger == NULL) return;
    channel->readings = bigger;
    channel->capacity = capacity;
  }
  struct reading* reading = &channel->readings[channel->count++];
  reading->time = time;
  reading->value = value;
  reading->raw = value * 17;
}

static struct packet* packet_get(void) {
  struct packet* packet = free_packets;
  if (packet != NULL) {
    free_packets = packet->next;
    return packet;
  }
  return malloc(sizeof *packet);
}

static void packet_put(struct packet* packet) {
  packet->next = free_packets;
  free_packets = packet;
}

static void packet_receive(unsigned sensor) {
  struct packet* packet = packet_get();
  packet->sensor = sensor;
  memset(packet->payload, (int)sensor, sizeof packet->payload);
  packet->next = waiting_packets;
  waiting_packets = packet;
  ++waiting;
}

static void upload_add(const void* data, size_t size) {
  if (upload_size + size > upload_capacity) {
    upload_capacity = upload_capacity == 0 ? 4096 : upload_capacity * 2;
    upload = realloc(upload, upload_capacity);
  }
  memcpy(upload + upload_size, data, size);
  upload_size += size;
  if (upload_size < 900000) return;
  free(upload);
  upload = NULL;
  upload_size = upload_capacity = 0;
  ++uploads;
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) {
    const double progress = PaceProgress(&pace);
    for (int i = 0; i < 190; ++i) {
      const uint64_t sensor = RandomPopular(&random, kSensors);
      channel_append(&channels[sensor], pace.tick, (double)RandomBelow(&random, 4096));
    }
    for (int i = 0; i < 40; ++i) packet_receive((unsigned)RandomBelow(&random, kSensors));
    // All sensors woke up at once in the beginning of the second fifth; never so many again.
    if (progress > 0.2 && progress < 0.25) {
      for (int i = 0; i < 60; ++i) packet_receive((unsigned)i % kSensors);
    }
    for (int i = 0; i < 60 && waiting > 0; ++i, --waiting) {
      struct packet* packet = waiting_packets;
      waiting_packets = packet->next;
      upload_add(packet->payload, 140);
      packet_put(packet);
    }
  }
  printf("uploads: %" PRIu64 "\n", uploads);
  return 0;
}
