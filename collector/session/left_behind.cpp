#include "collector/session/left_behind.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "collector/inprocess/layout.h"
#include "collector/inprocess/out_file.hpp"
#include "collector/inprocess/reader.hpp"
#include "collector/process/mappings.hpp"
#include "collector/session/frames.hpp"
#include "collector/session/label_names.hpp"
#include "collector/session/open_slice.hpp"
#include "core/clock.hpp"

namespace fanlight::session {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::chrono::seconds kNamingPatience{60};

Fd opened(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

/// What stands behind the memory; empty where nothing does.
std::string note_of(int file) {
  fanlight_inprocess_header header;
  if (::pread(file, &header, sizeof header, 0) != sizeof header) return {};
  std::uint64_t head[2];
  const auto at = static_cast<off_t>(header.total_bytes);
  if (::pread(file, head, sizeof head, at) != sizeof head || head[0] != inprocess::kOutNoteMagic) return {};
  std::string text(std::min(head[1], inprocess::kOutNoteBytes), '\0');
  const ssize_t got = ::pread(file, text.data(), text.size(), at + static_cast<off_t>(sizeof head));
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

inprocess::ProcessContext keys_of(std::string_view note) {
  inprocess::ProcessContext context{.published_at_ns = 1, .schema = {}, .keys = {}, .resource = {}};
  const std::size_t at = note.find(inprocess::kOutKeysLine);
  if (at == std::string_view::npos) return context;
  note.remove_prefix(at + std::string_view(inprocess::kOutKeysLine).size());
  for (std::size_t end; (end = note.find('\n')) != std::string_view::npos; note.remove_prefix(end + 1))
    context.keys.emplace_back(note.substr(0, end));
  return context;
}

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

/// Right while the machine has not been started again.
std::int64_t realtime_offset_ns() {
  timespec real{};
  ::clock_gettime(CLOCK_REALTIME, &real);
  return static_cast<std::int64_t>(real.tv_sec) * 1'000'000'000 + real.tv_nsec -
         static_cast<std::int64_t>(monotonic_ns());
}

}  // namespace

bool is_left_behind(const std::filesystem::path& path) {
  const Fd file = opened(path);
  std::uint64_t magic = 0;
  return file && ::pread(file.get(), &magic, sizeof magic, 0) == sizeof magic && magic == FANLIGHT_INPROCESS_MAGIC;
}

Result<profile::Window> open_left_behind(const std::filesystem::path& path) {
  Fd file = opened(path);
  if (!file) return fail(errno, path.string(), "FANLIGHT_OUT=FILE makes a program that is instrumented write one");
  const std::string note = note_of(file.get());
  auto reader = inprocess::Reader::from_recorded(std::move(file));
  if (!reader) return within(path.string(), std::move(reader.error()));
  process::Mappings mappings = process::Mappings::parse(note.substr(0, note.find(inprocess::kOutKeysLine)));
  profile::Target target{.pid = reader->pid()};
  for (const process::Mapping& mapping : mappings.all()) {
    if (mapping.path.empty() || mapping.path.front() != '/') continue;
    target.executable = mapping.path;
    target.name = file_name(mapping.path);
    break;
  }
  target.forms.push_back({"kernel probes", "none", "the program ran by itself and wrote a file"});

  std::vector<RawSample> samples;
  if (auto done = reader->drain([&](RawSample&& sample) { samples.push_back(std::move(sample)); }); !done)
    return within(path.string(), std::move(done.error()));
  std::stable_sort(samples.begin(), samples.end(),
                   [](const RawSample& a, const RawSample& b) { return a.time_ns < b.time_ns; });

  profile::Window window(std::move(target), realtime_offset_ns());
  profile::Tables& tables = window.tables();
  for (const inprocess::Reader::ThreadName& thread : reader->threads()) tables.thread(thread.tid, thread.name);
  Frames frames(std::move(mappings));
  LabelNames labels([&note]() -> Result<inprocess::ProcessContext> { return keys_of(note); });
  labels.refresh();

  std::vector<profile::Slice> slices;
  OpenSlice open;
  profile::Slice slice{.from_ns = reader->start_ns()};
  slice.to_ns = slice.from_ns;
  const auto close = [&](std::uint64_t next_ns) {
    slice.samples = open.take_rows();
    slices.push_back(std::exchange(slice, {.from_ns = next_ns, .to_ns = next_ns}));
  };
  for (const RawSample& sample : samples) {
    if (sample.time_ns >= slice.from_ns + kSecond) close(std::max(sample.time_ns, slice.to_ns));
    slice.to_ns = std::max(slice.to_ns, sample.time_ns);
    open.add(sample, tables.thread(sample.tid, ""), frames.intern(sample, tables), labels.of(sample, nullptr, tables));
  }
  for (const inprocess::MetricReading& metric : reader->metrics())
    slice.metrics.push_back(
        {metric.name, static_cast<profile::Metric::Kind>(metric.kind), metric.value, metric.histogram});
  slice.ledger.push_back(reader->ledger());
  close(slice.to_ns);
  std::mutex unshared;
  frames.name_new(tables, unshared, kNamingPatience);
  window.target().forms.push_back(frames.source_form());
  for (profile::Slice& one : slices) window.append(std::move(one));
  return window;
}

}  // namespace fanlight::session
