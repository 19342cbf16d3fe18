#include "ui/views/widgets.hpp"

#include <boost/json.hpp>

namespace fanlight::ui {
namespace {

void put(boost::json::object& object, const Rect& rect) {
  object["x"] = rect.x;
  object["y"] = rect.y;
  object["w"] = rect.w;
  object["h"] = rect.h;
}

}  // namespace

std::string to_json(const Widgets& widgets) {
  boost::json::object all;
  all["width"] = widgets.width;
  all["height"] = widgets.height;
  all["view"] = widgets.view;
  all["status"] = widgets.status;
  all["profile"] = widgets.profile_number;
  for (const auto& [key, named] : {std::pair("panels", &widgets.panels), std::pair("items", &widgets.items)}) {
    boost::json::array& list = all[key].emplace_array();
    for (const Widgets::Panel& one : *named) {
      boost::json::object object{{"name", one.name}};
      put(object, one.rect);
      list.push_back(std::move(object));
    }
  }
  boost::json::array& flame = all["flame"].emplace_array();
  for (const Widgets::Box& box : widgets.flame) {
    boost::json::object object{{"name", box.name}, {"depth", box.depth}, {"parent", box.parent}};
    put(object, box.rect);
    object["share"] = box.share;
    object["merged"] = box.merged;
    flame.push_back(std::move(object));
  }
  return boost::json::serialize(all) + "\n";
}

}  // namespace fanlight::ui
