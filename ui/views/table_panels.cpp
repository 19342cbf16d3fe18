#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::string count(std::uint64_t number) { return format_count(static_cast<double>(number)); }
std::string time(double ns) { return ns == 0 ? "-" : format_ns(ns); }

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, share >= 0.9995 || share == 0 ? "%.0f %%" : "%.1f %%", share * 100);
  return text;
}

constexpr ColumnSpec kThreadColumns[] = {{"thread", 124, false}, {"state", 0, false}, {"run", 46}, {"wait", 46},
                                         {"blocked", 52},        {"queue p99", 66},   {"sw/s", 44}};

/// The clickable header, and rows in the order that it says.
void order_threads(Ui& ui) {
  ThreadsState& state = ui.threads;
  constexpr ThreadOrder kOrders[] = {ThreadOrder::name,     ThreadOrder::idle,    ThreadOrder::running,
                                     ThreadOrder::runnable, ThreadOrder::blocked, ThreadOrder::run_queue,
                                     ThreadOrder::switches};
  bool again = state.sorted_for != ui.scene;
  if (again) state.rows = ui.scene->threads;
  for (std::size_t i = 0; i < std::size(kOrders); ++i) {
    const bool sorted = state.order == kOrders[i];
    if (!sort_header(ui, kThreadColumns[i], sorted, state.descending)) continue;
    state.descending = sorted ? !state.descending : kOrders[i] != ThreadOrder::name;
    state.order = kOrders[i];
    again = true;
  }
  if (again) sort_rows(state.rows, state.order, state.descending);
  state.sorted_for = ui.scene;
}

void band_tooltip(Ui& ui, const ThreadRow& row) {
  const Tooltip open(ui);
  ImGui::Text("%s, thread %d%s", row.name.c_str(), row.tid, row.ended ? ", ended" : "");
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    if (row.bands[band] == 0) continue;
    ImGui::TextUnformatted(std::string(band_name(band)).c_str());
    ImGui::SameLine(ui.pen.px(140));
    ImGui::TextUnformatted(percent(row.share(band)).c_str());
    ImGui::SameLine(ui.pen.px(200));
    ImGui::TextUnformatted(format_ns(static_cast<double>(row.bands[band])).c_str());
  }
  if (!row.measured) return ImGui::TextUnformatted(no_threads(ui.scene->profile->target).c_str());
  ImGui::Text("%s migrations", format_count(static_cast<double>(row.migrations)).c_str());
}

void thread_row(Ui& ui, const ThreadRow& row) {
  ImGui::TableNextRow();
  const Colour colour = row.ended ? kFaint : kText;
  cell(ui, row.name + "  " + std::to_string(row.tid), colour);
  ImGui::TableNextColumn();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = std::round(ui.pen.px(12));
  ui.drawing.clear();
  if (row.ns == 0)
    ui.drawing.fill({at.x, at.y + 1, width, height}, kGrid);
  else
    paint_band_bar(ui.drawing, row.bands, {at.x, at.y + 1, width, height});
  draw_now(ui);
  ImGui::Dummy({width, height});
  if (ImGui::IsItemHovered()) band_tooltip(ui, row);
  cell_right(ui, row.ns == 0 ? "-" : percent(row.share(0)), row.share(0) > 0 ? colour : kFaint);
  cell_right(ui, row.ns == 0 ? "-" : percent(row.share(1)),
             row.share(1) > 0.1 ? colour_of(Reason::runnable_queued) : colour);
  cell_right(ui, row.ns == 0 ? "-" : percent(row.blocked()), colour);
  cell_right(ui, time(static_cast<double>(row.run_queue_p99_ns)), colour);
  cell_right(ui, row.measured ? format_count(row.switches_per_second) : "-", colour);
}

void program_rows(Ui& ui) {
  const Scene& scene = *ui.scene;
  if (!begin_table(ui, "programs", {{"kernel program", 0, false}, {"CPU", 56}, {"ns/run", 50}, {"runs/s", 56}})) return;
  const double seconds = seconds_of(*scene.profile);
  for (const ProgramRow& row : scene.programs) {
    ImGui::TableNextRow();
    cell(ui, row.name);
    char text[32];
    std::snprintf(text, sizeof text, "%.2f %%", row.cpu_share * 100);
    cell_right(ui, text);
    std::snprintf(text, sizeof text, "%.0f", row.ns_per_run);
    cell_right(ui, row.runs == 0 ? "-" : text);
    cell_right(ui, format_count(static_cast<double>(row.runs) / seconds));
  }
  end_table();
}

std::string own_cost(const profile::Profile& profile) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f %% of a CPU, %s",
                static_cast<double>(profile.cost.cpu_ns) / (seconds_of(profile) * 1e7),
                format_bytes(static_cast<double>(profile.cost.resident_bytes)).c_str());
  return text;
}

}  // namespace

void show_threads(Ui& ui, Rect rect) {
  const auto threads = ui.scene->threads.size();
  const Panel panel(ui, "Threads", rect,
                    std::to_string(threads) + (threads == 1 ? " thread" : " threads") + ", share of each one's time");
  if (threads == 0) return say_nothing_here(ui, no_threads(ui.scene->profile->target).c_str());
  const auto& c = kThreadColumns;
  if (!begin_sorted_table(ui, "threads", {c[0], c[1], c[2], c[3], c[4], c[5], c[6]})) return;
  order_threads(ui);
  ImGuiListClipper clipper;
  clipper.Begin(static_cast<int>(ui.threads.rows.size()));
  while (clipper.Step())
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i)
      thread_row(ui, ui.threads.rows[static_cast<std::size_t>(i)]);
  end_table();
}

void show_functions(Ui& ui, Rect rect) {
  const FlameTree& tree = ui.scene->flame;
  const Panel panel(ui, "Functions", rect, "of " + tree.view);
  const auto& functions = ui.scene->functions;
  if (functions.empty()) return say_nothing_here(ui, "No function was sampled in this view.");
  if (!begin_table(ui, "functions", {{"itself", 54}, {"with callees", 78}, {"function", 0, false}})) return;
  const auto whole = static_cast<double>(tree.root().total);
  std::string needle = ui.selection.search;
  for (const profile::TopFunction& function : functions) {
    if (!needle.empty() && !contains_ignoring_case(function.name, needle)) continue;
    ImGui::TableNextRow();
    cell_right(ui, function.self == 0 ? "-" : percent(static_cast<double>(function.self) / whole));
    cell_right(ui, percent(static_cast<double>(function.total) / whole), kMuted);
    cell(ui, short_name(function.name));
    if (!ImGui::IsItemHovered()) continue;
    ImGui::SetTooltip("%s\nclick: find it in the flame graph", function.name.c_str());
    if (!ImGui::IsItemClicked()) continue;
    ui.selection.search = function.name;
    const std::size_t room = sizeof ui.flame.search_text - 1;
    ui.flame.search_text[function.name.copy(ui.flame.search_text, room)] = '\0';
  }
  end_table();
}

void show_sockets(Ui& ui, Rect rect) {
  const Panel panel(ui, "Socket writes", rect);
  if (ui.scene->sockets.empty()) return say_nothing_here(ui, no_sockets(ui.scene->profile->target).c_str());
  if (!begin_table(ui, "sockets",
                   {{"thread", 0, false}, {"writes/s", 56}, {"bytes/s", 66}, {"EAGAIN", 50}, {"errors", 44}}))
    return;
  for (const SocketRow& row : ui.scene->sockets) {
    ImGui::TableNextRow();
    const Colour colour = row.tid == 0 && ui.scene->sockets.size() > 1 ? kAccent : kText;
    cell(ui, row.thread, colour);
    cell_right(ui, format_count(row.writes_per_second), colour);
    cell_right(ui, format_bytes(row.bytes_per_second), colour);
    cell_right(ui, count(row.counts.would_block),
               row.counts.would_block > 0 ? colour_of(Reason::runnable_queued) : kFaint);
    cell_right(ui, count(row.counts.errors), row.counts.errors > 0 ? kBad : kFaint);
  }
  end_table();
}

void show_operations(Ui& ui, Rect rect) {
  const Panel panel(ui, "Map and registry operations", rect);
  if (ui.scene->operations.empty()) return say_nothing_here(ui, no_operations(ui.scene->profile->target).c_str());
  if (!begin_table(
          ui, "operations",
          {{"object", 0, false}, {"operation", 74, false}, {"per s", 48}, {"failed", 44}, {"p50", 52}, {"p99", 52}}))
    return;
  for (const OperationRow& row : ui.scene->operations) {
    ImGui::TableNextRow();
    cell(ui, row.object);
    cell(ui, row.operation, kMuted);
    cell_right(ui, format_count(row.per_second));
    cell_right(ui, row.registry ? "-" : count(row.errors), row.errors > 0 ? kBad : kFaint);
    cell_right(ui, time(static_cast<double>(row.p50_ns)));
    cell_right(ui, time(static_cast<double>(row.p99_ns)));
    if (row.registry && ImGui::IsItemHovered())
      ImGui::SetTooltip("wait for the registry's lock; it is then held for %s on average",
                        format_ns(row.mean_hold_ns).c_str());
  }
  end_table();
}

void show_ledger(Ui& ui, Rect rect) {
  const auto& rows = ui.scene->ledger;
  const bool lossy = std::any_of(rows.begin(), rows.end(), [](const LedgerRow& row) { return row.lossy(); });
  const Panel panel(ui, "Ledger", rect, rows.empty() ? "" : lossy ? "something was lost" : "nothing lost");
  if (rows.empty()) return say_nothing_here(ui, "No probe or queue has reported yet.");
  if (!begin_table(ui, "ledger",
                   {{"source", 0, false}, {"lost", 46}, {"produced", 58}, {"delivered", 60}, {"open", 42}}))
    return;
  for (const LedgerRow& row : rows) {
    ImGui::TableNextRow();
    const Colour colour = row.lossy() ? kBad : kText;
    cell(ui, row.source, colour);
    if (!row.causes.empty() && ImGui::IsItemHovered()) ImGui::SetTooltip("%s", row.causes.c_str());
    cell_right(ui, count(row.dropped), row.dropped > 0 ? kBad : kFaint);
    cell_right(ui, count(row.produced), colour);
    cell_right(ui, count(row.delivered), colour);
    cell_right(ui, row.balance == 0 ? "0" : format_count(static_cast<double>(row.balance)),
               row.balance != 0 ? kBad : kFaint);
    if (row.causes.empty()) continue;
    spanning_text(ui, "   " + row.causes, row.lossy() ? kBad : kMuted);
  }
  end_table();
}

void show_notes(Ui& ui, Rect rect) {
  const Scene& scene = *ui.scene;
  const Panel panel(ui, "Own cost and notes", rect, own_cost(*scene.profile), Panel::Scroll::no);
  const float row = std::floor(ui.pen.height(Face::small)) + 2 * std::round(ui.pen.px(2));
  const float room = ImGui::GetContentRegionAvail().y;
  const auto whole_rows = [row](float height) { return std::floor(height / row) * row; };
  const float programs = scene.programs.empty() ? 0
                                                : std::min(static_cast<float>(scene.programs.size() + 1) * row,
                                                           scene.notes.empty() ? room : whole_rows(room * 0.55f));
  if (programs > 0) {
    ImGui::BeginChild("cost", {0, programs}, false, ImGuiWindowFlags_NoBackground);
    program_rows(ui);
    ImGui::EndChild();
  }
  ImGui::BeginChild("notes", {0, 0}, false, ImGuiWindowFlags_NoBackground);
  if (scene.notes.empty() && scene.programs.empty()) {
    say_nothing_here(ui, "Nothing is missing and nothing happened.");
  } else {
    const WithFace face(ui, Face::small);
    const float pad = std::round(ui.pen.px(9));
    ImGui::SetCursorPosY(ImGui::GetCursorPosY() + pad / 2);
    for (const Note& note : scene.notes) {
      const Colour dot = note.kind == Note::Kind::missing     ? kAccent
                         : note.kind == Note::Kind::agreement ? kGood
                         : note.kind == Note::Kind::unsure    ? kMuted
                                                              : kSeriesA;
      const ImVec2 at = ImGui::GetCursorScreenPos();
      const float side = std::round(ui.pen.px(6));
      ImGui::GetWindowDrawList()->AddRectFilled({at.x + pad, at.y + side}, {at.x + pad + side, at.y + 2 * side},
                                                packed(dot));
      ImGui::SetCursorPosX(ImGui::GetCursorPosX() + pad + 2 * side);
      ImGui::PushTextWrapPos(ImGui::GetWindowWidth() - pad);
      ImGui::TextUnformatted(note.text.c_str());
      ImGui::PopTextWrapPos();
    }
  }
  ImGui::EndChild();
}

}  // namespace fanlight::ui
