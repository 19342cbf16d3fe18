#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub {
namespace {

memory::Pool<SessionList>& pool() {
  static auto& lists = *new memory::Pool<SessionList>(1024);
  return lists;
}

}  // namespace

void release(const SessionList& list) { pool().put(const_cast<SessionList*>(&list)); }

boost::intrusive_ptr<SessionList> new_session_list() {
  SessionList* list = pool().get();
  list->sessions.clear();
  return boost::intrusive_ptr<SessionList>(list);
}

}  // namespace fanlight::server::hub
