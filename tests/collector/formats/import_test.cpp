// Files of other tools, and files that claim to be some.
#include "collector/formats/import.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "collector/formats/folded.hpp"
#include "collector/formats/gzip.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/formats/profile.pb.h"
#include "tests/collector/formats/lines.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::formats {
namespace {

std::string data(const std::string& name) {
  std::ifstream file(std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/profiles" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string shown(const Imported& imported) { return folded(profile::view(imported.window.query(), imported.view)); }

TEST(Import, FoldedStacksOfAnyone) {
  const auto imported = import_profile("# a comment\nnode;main;work;sys_write_[k] 3\r\nnode;main 4\n\nmy app;f 1", "x");
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_EQ(shown(*imported), "node;main 4\nnode;main;work;sys_write_[k] 3\nmy app;f 1\n");
  const profile::Profile profile = imported->window.query();
  EXPECT_EQ(profile.threads.size(), 2u);
  EXPECT_EQ(profile.target.weight_unit, "samples");
  EXPECT_EQ(profile::view(profile, profile::View::on_cpu).unit, "samples");
}

TEST(Import, PerfScriptAsPerfPrintsIt) {
  const auto imported = import_profile(data("perf_script.txt"), "perf_script.txt");
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_EQ(imported->format, "perf script");
  const profile::Profile profile = imported->window.query();
  EXPECT_EQ(profile.target.weight_unit, "nanoseconds") << "cpu-clock counts time";
  std::uint64_t samples = 0;
  std::uint64_t weight = 0;
  for (const profile::SampleRow& row : profile.samples) {
    samples += row.count;
    weight += row.weight;
  }
  EXPECT_EQ(samples, 59u) << "as many as grep finds heads";
  EXPECT_EQ(weight, 1204081617u) << "the sum of the periods";
  EXPECT_GT(imported->window.slices().size(), 1u);
  EXPECT_NE(shown(*imported).find(";main;"), std::string::npos) << shown(*imported).substr(0, 500);
  EXPECT_NE(shown(*imported).find("_[k]"), std::string::npos);
}

TEST(Import, PerfScriptInItsVariants) {
  struct Case {
    const char* name;
    const char* text;
    const char* folded;
  };
  for (const Case& c :
       {Case{"spaces in the name, no cpu", "my app 12 5.000001: cycles:\n\t  40 f+0x1 (/bin/a)\n\n", "my app;f 1\n"},
        Case{"pid and tid", "a 12/13 [001] 5.1: 250000 cpu-clock:pppH:\n\t  40 f (/bin/a)\n\t 50 main (/bin/a)\n",
             "a;main;f 250000\n"},
        Case{"no stack", "a 12 5.1: 1 page-faults: \n", "a 1\n"},
        Case{"parentheses in a function", "a 1 5.1: 1 cycles: \n 40 g(int (*)(int))+0x5 (/bin/a b)\n",
             "a;g(int (*)(int)) 1\n"},
        Case{"unknown places",
             "a 1 5.1: 1 cycles: \n  ffffffff81000000 [unknown] ([kernel.kallsyms])\n 40 [unknown] "
             "(/bin/a)\n",
             "a;[unknown];[unknown]_[k] 1\n"},
        Case{"padded name", "           a 12 [000] 5.100000:          1 cycles: \n\t 40 f (/bin/a)\n", "a;f 1\n"},
        Case{"comments", "# ========\n# captured\n#\na 1 5.1: 1 cycles: \n 40 f (/bin/a)\n", "a;f 1\n"}}) {
    SCOPED_TRACE(c.name);
    const auto imported = import_profile(c.text, "perf.txt");
    ASSERT_TRUE(imported) << imported.error().what;
    EXPECT_EQ(imported->format, "perf script");
    EXPECT_EQ(shown(*imported), c.folded);
  }
}

TEST(Import, PprofOfOtherTools) {
  proto::Profile message;
  for (const char* text :
       {"", "samples", "count", "cpu", "milliseconds", "main.work", "main.go", "/bin/app", "bytes"}) {
    message.add_string_table(text);
  }
  for (const auto& [type, unit] : {std::pair{1, 2}, {3, 4}}) {
    auto& value = *message.add_sample_type();
    value.set_type(type);
    value.set_unit(unit);
  }
  auto& mapping = *message.add_mapping();
  mapping.set_id(7);
  mapping.set_memory_start(0x400000);
  mapping.set_filename(7);
  auto& function = *message.add_function();
  function.set_id(9);
  function.set_name(5);
  function.set_filename(6);
  auto& location = *message.add_location();
  location.set_id(3);
  location.set_mapping_id(7);
  location.set_address(0x401234);
  auto& line = *location.add_line();
  line.set_function_id(9);
  line.set_line(42);
  auto& sample = *message.add_sample();
  sample.add_location_id(3);
  sample.add_value(2);
  sample.add_value(20);
  auto& label = *sample.add_label();
  label.set_key(8);
  label.set_num(512);
  const auto imported = import_profile(message.SerializeAsString(), "heap.pb");
  ASSERT_TRUE(imported) << imported.error().what;
  const profile::Profile profile = imported->window.query();
  EXPECT_EQ(profile.target.weight_unit, "nanoseconds");
  EXPECT_EQ(profile.samples.at(0).weight, 20'000'000u);
  EXPECT_EQ(profile.samples.at(0).count, 2u);
  EXPECT_EQ(profile.frames.at(0).offset, 0x1234u);
  EXPECT_EQ(profile.frames.at(0).file, "main.go");
  EXPECT_EQ(profile.frames.at(0).line, 42u);
  EXPECT_EQ(profile.labels.at(1), (profile::Labels{{"bytes", "512"}}));
  EXPECT_EQ(shown(*imported), "app;main.work 20000000\n");
}

TEST(Import, RefusesWhatItCannotMeanWithAHint) {
  proto::Profile message;
  const auto packed = [](const proto::Profile& profile) { return gzip(profile.SerializeAsString()).value(); };
  const std::string no_strings = packed(message);
  message.add_string_table("");
  auto& type = *message.add_sample_type();
  type.set_type(0);
  auto& sample = *message.add_sample();
  sample.add_value(-1);
  const std::string negative = packed(message);
  message.mutable_sample(0)->set_value(0, 1);
  message.mutable_sample(0)->add_location_id(77);
  const std::string nowhere = packed(message);
  message.mutable_sample(0)->clear_value();
  const std::string valueless = packed(message);
  const std::string bomb = gzip(std::string((std::size_t{1} << 30) + 1, '\0')).value();
  struct Case {
    const char* name;
    std::string bytes;
    const char* error;
  };
  for (const Case& c :
       {Case{"empty", "", "not known"}, Case{"words", "hello there", "not known"},
        Case{"zeros", std::string(64, '\0'), "not known"},
        Case{"weight that is none", "a;b 1\nc;d x\n", "line 2: 'x' is not a weight"},
        Case{"huge weights", "a 4611686018427387904\nb 1\n", "more than 2^62"},
        Case{"deep", std::string(5000, ';') + " 1\n", "4096 frames"},
        Case{"no table", no_strings, "no table of strings"}, Case{"negative", negative, "negative values"},
        Case{"unknown location", nowhere, "location 77 is unknown"},
        Case{"no values", valueless, "without all its values"},
        Case{"more than it says", bomb, "more than 1024 MiB within"},
        Case{"cut gzip", no_strings.substr(0, no_strings.size() - 9), "cut short"},
        Case{"perf and something else", "a 1 5.1: 1 cycles: \n 40 f (/bin/a)\nwhat is this\n", "line 3: neither"}}) {
    SCOPED_TRACE(c.name);
    const auto imported = import_profile(c.bytes, "file");
    ASSERT_FALSE(imported);
    EXPECT_NE(imported.error().what.find(c.error), std::string::npos) << imported.error().what;
    EXPECT_FALSE(imported.error().hint.empty());
  }
}

TEST(Import, DamagedBytesNeverBreakAReaderNorTheViews) {
  const profile::WeightedStacks stacks = profile::view(testing::broadcaster().query(), profile::View::wall);
  const std::string packed = pprof(stacks).value();
  const std::string plain = gunzip(packed, 1 << 20).value();
  std::mt19937_64 random(6);
  unsigned opened = 0;
  for (const std::string& good : {folded(stacks), plain, packed, data("perf_script.txt").substr(0, 20'000)}) {
    for (int round = 0; round < 1500; ++round) {
      std::string bytes = good;
      for (std::uint64_t changes = 1 + random() % 8; changes > 0; --changes) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes.erase(at, 1 + random() % 20); break;
          case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40)); break;
          default: bytes.resize(at + 1);
        }
        if (bytes.empty()) bytes = "\n";
      }
      for (const auto& imported :
           {import_profile(bytes, "x"), read_folded(bytes), read_perf_script(bytes), read_pprof(bytes)}) {
        if (!imported) continue;
        ++opened;
        const profile::Profile profile = imported->window.query();
        for (const profile::View view : profile::kViews) folded(profile::view(profile, view));
      }
    }
  }
  EXPECT_GT(opened, 500u) << "damage that is never let through tests nothing behind the first check";
}

}  // namespace
}  // namespace fanlight::formats
