#include "collector/inprocess/event_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "collector/inprocess/events_layout.h"
#include "collector/inprocess/target_memory.hpp"
#include "collector/process/proc_text.hpp"
#include "core/clock.hpp"
#include "core/fd.hpp"

namespace fanlight::inprocess {
namespace {

__extension__ using Wide = __int128;

constexpr std::uint64_t kPage = FANLIGHT_EVENTS_PAGE;
constexpr std::size_t kBatch = 256;
// More events than this between two looks is no program's doing: the ring's head is garbage.
constexpr std::uint64_t kMaxAdvance = 1ull << 40;

/// Where the bytes are: in a process, or in a file from some offset on.
using ReadAt = std::function<bool(std::uint64_t offset, void* into, std::size_t bytes)>;

ReadAt of_process(pid_t pid, std::uint64_t address) {
  return [pid, address](std::uint64_t offset, void* into, std::size_t bytes) {
    return copy_from(pid, address + offset, into, bytes);
  };
}

ReadAt of_file(std::shared_ptr<Fd> file, std::uint64_t base) {
  return [file = std::move(file), base](std::uint64_t offset, void* into, std::size_t bytes) {
    auto* out = static_cast<std::byte*>(into);
    while (bytes > 0) {
      const ssize_t got = ::pread(file->get(), out, bytes, static_cast<off_t>(base + offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      out += got;
      offset += static_cast<std::uint64_t>(got);
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  };
}

Result<> check(const fanlight_events_header& header) {
  if (header.magic != FANLIGHT_EVENTS_MAGIC) return fail(0, "events without Fanlight's mark");
  if (header.version != FANLIGHT_EVENTS_VERSION)
    return fail(0,
                "events of layout " + std::to_string(header.version) + ", known here is " +
                    std::to_string(FANLIGHT_EVENTS_VERSION),
                "use a collector and a target of the same Fanlight version");
  const bool counts_fit = header.name_slots <= FANLIGHT_EVENTS_NAMES && header.ring_slots <= FANLIGHT_EVENTS_THREADS &&
                          header.ring_events >= 2 && header.ring_events <= FANLIGHT_EVENTS_RECORDS &&
                          (header.ring_events & (header.ring_events - 1)) == 0 && header.clock <= FANLIGHT_EVENTS_TSC;
  const std::uint64_t most = kPage + std::uint64_t{FANLIGHT_EVENTS_RECORDS} * sizeof(fanlight_events_event);
  const bool lies_right = counts_fit && header.names_offset % kPage == 0 && header.names_offset <= most &&
                          header.rings_offset % kPage == 0 && header.rings_offset <= most &&
                          header.ring_bytes % kPage == 0 && header.ring_bytes <= most &&
                          header.ring_bytes >= kPage + header.ring_events * sizeof(fanlight_events_event);
  if (!lies_right) return fail(0, "events whose header has numbers out of range");
  return {};
}

/// "a, b(c, d), e" apart at the commas that are in no bracket.
std::vector<std::string> fields_of(std::string_view text) {
  std::vector<std::string> fields;
  std::string field;
  int depth = 0;
  for (const char c : text) {
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      fields.push_back(std::exchange(field, {}));
    } else if (c != ' ' || !field.empty()) {
      field += c;
    }
  }
  if (!field.empty()) fields.push_back(field);
  return fields;
}

struct Name {
  std::string text;
  std::vector<std::string> fields;
};

}  // namespace

struct EventReader::State {
  ReadAt read_at;
  fanlight_events_header header{};
  bool live = false;
  struct Cursor {
    std::uint64_t next = 0;
    bool stuck = false;  // the event there was not whole at the last look
  };
  std::vector<Cursor> cursors;
  std::vector<std::optional<Name>> names;
  std::vector<fanlight_events_event> batch{kBatch};
  std::uint64_t refused_before = 0;
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t overrun = 0;
  std::uint64_t malformed = 0;

  Result<> begin(bool from_now);
  std::uint64_t ring_at(std::size_t index) const { return header.rings_offset + index * header.ring_bytes; }
  std::size_t rings_used() const { return std::min(header.rings_used, header.ring_slots); }
  const Name* name(std::uint64_t id);
  std::uint64_t ns_of(std::uint64_t ticks) const;
  std::uint64_t duration_of(std::uint64_t ticks) const;
  bool drain_ring(std::size_t index, const OnEvent& on_event);
  /// False when it makes no sense.
  bool hand_over(const fanlight_events_event& event, const OnEvent& on_event);
};

Result<> EventReader::State::begin(bool from_now) {
  if (!read_at(0, &header, sizeof header)) return fail(0, "events end within their header");
  if (auto good = check(header); !good) return good;
  live = from_now;
  cursors.resize(header.ring_slots);
  names.resize(header.name_slots);
  refused_before = header.threads_refused;
  for (std::size_t i = 0; i < rings_used(); ++i) {
    fanlight_events_ring ring;
    if (!read_at(ring_at(i), &ring, sizeof ring)) {
      if (from_now) return fail(0, "events end within their rings");
      break;  // a file that was cut short still has the rings before
    }
    cursors[i].next = from_now ? ring.head : ring.head > header.ring_events ? ring.head - header.ring_events : 0;
  }
  return {};
}

const Name* EventReader::State::name(std::uint64_t id) {
  if (id == 0 || id > names.size()) return nullptr;
  std::optional<Name>& known = names[id - 1];
  if (known) return &*known;
  fanlight_events_name slot;
  if (!read_at(header.names_offset + (id - 1) * sizeof slot, &slot, sizeof slot)) return nullptr;
  if (slot.state != FANLIGHT_EVENTS_READY) return nullptr;
  const std::string text = process::printable({slot.text, ::strnlen(slot.text, sizeof slot.text)}, sizeof slot.text);
  Name made{text, {}};
  if (const std::size_t bracket = text.find('('); bracket != std::string::npos && text.back() == ')') {
    made.text = text.substr(0, bracket);
    made.fields = fields_of(std::string_view(text).substr(bracket + 1, text.size() - bracket - 2));
  }
  known = std::move(made);
  return &*known;
}

std::uint64_t EventReader::State::duration_of(std::uint64_t ticks) const {
  if (header.clock != FANLIGHT_EVENTS_TSC) return ticks;
  fanlight_events_moment late = header.late;
  if (live) late = {monotonic_ns(), __rdtsc()};
  if (late.ticks <= header.early.ticks || late.ns <= header.early.ns) return ticks;
  return static_cast<std::uint64_t>(static_cast<Wide>(ticks) * (late.ns - header.early.ns) /
                                    (late.ticks - header.early.ticks));
}

std::uint64_t EventReader::State::ns_of(std::uint64_t ticks) const {
  if (header.clock != FANLIGHT_EVENTS_TSC) return ticks;
  return ticks >= header.early.ticks
             ? header.early.ns + duration_of(ticks - header.early.ticks)
             : header.early.ns - std::min<std::uint64_t>(header.early.ns, duration_of(header.early.ticks - ticks));
}

bool EventReader::State::hand_over(const fanlight_events_event& event, const OnEvent& on_event) {
  const Name* const known = name(event.name);
  if (event.kind != FANLIGHT_EVENTS_EVENT && event.kind != FANLIGHT_EVENTS_SPAN) return false;
  if (known == nullptr && event.name != 0) return false;
  TargetEvent out{.tid = static_cast<pid_t>(event.tid),
                  .time_ns = ns_of(event.time),
                  .is_span = event.kind == FANLIGHT_EVENTS_SPAN,
                  .name = known == nullptr ? "[name without a slot]" : known->text,
                  .words = {}};
  if (out.is_span) {
    out.duration_ns = duration_of(event.words[0]);
  } else {
    const std::size_t count = known == nullptr || known->fields.empty() ? 0 : known->fields.size();
    for (std::size_t i = 0; i < std::min<std::size_t>(count, FANLIGHT_EVENTS_WORDS); ++i) {
      EventWord word{known->fields[i], event.words[i], {}};
      if ((event.strings >> i & 1) != 0) {
        const Name* const text = name(event.words[i]);
        word.text = text == nullptr ? "?" : text->text;
      }
      out.words.push_back(std::move(word));
    }
  }
  on_event(std::move(out));
  return true;
}

bool EventReader::State::drain_ring(std::size_t index, const OnEvent& on_event) {
  fanlight_events_ring ring;
  if (!read_at(ring_at(index), &ring, sizeof ring)) return false;
  Cursor& cursor = cursors[index];
  if (ring.head - cursor.next > kMaxAdvance) {  // also when it went back
    ++produced;
    ++malformed;
    cursor.next = ring.head;
    return true;
  }
  // The slots of the oldest events are those that are being filled right now, one for each signal handler within
  // another.
  const std::uint64_t readable = header.ring_events - (live ? std::min<std::uint64_t>(8, header.ring_events / 2) : 0);
  if (ring.head - cursor.next > readable) {
    const std::uint64_t lost = ring.head - cursor.next - readable;
    produced += lost;
    overrun += lost;
    cursor.next += lost;
    cursor.stuck = false;
  }
  while (cursor.next != ring.head) {
    const std::uint64_t slot = cursor.next & (header.ring_events - 1);
    const std::size_t count = std::min<std::uint64_t>({ring.head - cursor.next, header.ring_events - slot, kBatch});
    const std::uint64_t offset = ring_at(index) + kPage + slot * sizeof(fanlight_events_event);
    if (!read_at(offset, batch.data(), count * sizeof(fanlight_events_event))) return false;
    std::atomic_thread_fence(std::memory_order_acquire);
    fanlight_events_ring now;
    if (!read_at(ring_at(index), &now, sizeof now)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = cursor.next;
      const bool whole = batch[i].sequence == number + 1;
      const bool overwritten = now.head - number > readable || (!whole && batch[i].sequence > number);
      if (!overwritten && !whole && live && !cursor.stuck) {
        // A signal handler has published past an event of the thread that it interrupted: it is whole at the next look,
        // or it never will be.
        cursor.stuck = true;
        return true;
      }
      cursor.stuck = false;
      ++cursor.next;
      ++produced;
      if (overwritten)
        ++overrun;
      else if (whole && hand_over(batch[i], on_event))
        ++delivered;
      else
        ++malformed;
    }
  }
  return true;
}

EventReader::EventReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

Result<EventReader> EventReader::open(pid_t pid, const std::filesystem::path& root) {
  std::ifstream maps(root / "proc" / std::to_string(pid) / "maps");
  const std::string process = "process " + std::to_string(pid);
  if (!maps) return fail(errno == ENOENT ? ESRCH : errno, "mappings of " + process);
  std::optional<Error> first_error;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:" FANLIGHT_EVENTS_NAME) == std::string::npos) continue;
    const auto address = process::parse_number<std::uint64_t>(std::string_view(line).substr(0, line.find('-')), 16);
    if (!address) continue;
    auto state = std::make_unique<State>();
    state->read_at = of_process(pid, *address);
    auto begun = state->begin(true);
    if (begun) return EventReader(std::move(state));
    if (!first_error) first_error = std::move(begun.error());
  }
  if (first_error) return within(process, std::move(*first_error));
  return fail(ENOENT, process + " has recorded no events",
              "it does once it calls FANLIGHT_EVENT or FANLIGHT_SPAN while somebody listens");
}

Result<EventReader> EventReader::open_file(const std::filesystem::path& path) {
  auto file = std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!*file || ::fstat(file->get(), &status) != 0) return fail(errno, path.string());
  if (!S_ISREG(status.st_mode)) return fail(0, path.string() + " is not a file");
  // In a core file it begins at some page.
  for (off_t at = 0; at < status.st_size; at += static_cast<off_t>(kPage)) {
    // Holes hold nothing.
    const off_t data = ::lseek(file->get(), at, SEEK_DATA);
    if (data > at) at = data / static_cast<off_t>(kPage) * static_cast<off_t>(kPage);
    std::uint64_t magic = 0;
    const ReadAt here = of_file(file, static_cast<std::uint64_t>(at));
    if (!here(0, &magic, sizeof magic)) break;
    if (magic != FANLIGHT_EVENTS_MAGIC) continue;
    auto state = std::make_unique<State>();
    state->read_at = here;
    if (state->begin(false)) return EventReader(std::move(state));
  }
  return fail(ENOENT, path.string() + " holds no events");
}

Result<> EventReader::drain(const OnEvent& on_event) {
  State& state = *state_;
  if (!state.read_at(0, &state.header, sizeof state.header)) return fail(ESRCH, "events of the target");
  if (auto good = check(state.header); !good) return good;
  if (state.cursors.size() != state.header.ring_slots) return fail(0, "events whose header changed");
  for (std::size_t i = 0; i < state.rings_used(); ++i) {
    if (state.drain_ring(i, on_event)) continue;
    if (state.live) return fail(ESRCH, "events of the target");
    break;
  }
  return {};
}

LedgerEntry EventReader::ledger() const {
  const State& state = *state_;
  LedgerEntry entry{"in-process events", state.produced, state.delivered, {}, {}};
  entry.dropped["overrun"] = state.overrun;
  entry.dropped["malformed"] = state.malformed;
  if (state.header.threads_refused > state.refused_before)
    entry.missed["thread without a ring"] = state.header.threads_refused - state.refused_before;
  if (state.header.names_refused > 0) entry.missed["name without a slot"] = state.header.names_refused;
  return entry;
}

}  // namespace fanlight::inprocess
