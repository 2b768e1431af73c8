/* The shim over SimGrid: see engine.h. */
#include "sim/engine.h"

#include <csignal>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u.hpp>

namespace s4u = simgrid::s4u;

namespace {

class CalendarModel;

} // namespace

struct sg_engine {
	s4u::Engine *engine = nullptr;
	std::shared_ptr<CalendarModel> model;
	s4u::NetZone *zone = nullptr;
	bool star = false;
	std::vector<s4u::Host *> hosts;
	std::vector<s4u::SplitDuplexLink *> links;
	sg_ops ops{};
	void *arg = nullptr;
	double base_s = 0;	/* SimGrid's clock goes on from one engine to the next */
	uint64_t target_ns = SG_NEVER;
	double target_delta_s = 0;
	bool due = false;
	bool native = false;
	uint64_t steps = 0;
};

namespace {

sg_engine *the_engine;

/* Asks our calendar how far time may go, and notes whether it went that far. The events themselves
 * run from on_time_advance, where starting new work is allowed. */
class CalendarModel : public simgrid::kernel::resource::Model {
	sg_engine *e_;

public:
	explicit CalendarModel(sg_engine *e) : Model("gemel"), e_(e)
	{
	}

	double next_occurring_event(double now) override
	{
		e_->target_ns = e_->native ? SG_NEVER : e_->ops.next_ns(e_->arg);
		if (e_->target_ns == SG_NEVER)
			return -1.0;
		double delta = e_->base_s + static_cast<double>(e_->target_ns) * 1e-9 - now;
		e_->target_delta_s = delta > 0 ? delta : 0;
		return e_->target_delta_s;
	}

	void update_actions_state(double, double delta) override
	{
		e_->due = e_->target_ns != SG_NEVER && delta >= e_->target_delta_s;
	}
};

void on_advance(double)
{
	sg_engine *e = the_engine;

	if (e == nullptr || !e->due)
		return;
	e->due = false;
	e->steps++;
	e->ops.advance(e->arg, e->target_ns);
}

void open_engine(sg_engine *e, sg_zone zone)
{
	static bool connected;
	/* CM02 without its TCP window: links give exactly their bandwidth and latency. */
	std::vector<std::string> words = { "gemel_sim", "--log=xbt_cfg.thres:warning",
					   "--cfg=network/model:CM02",
					   "--cfg=network/TCP-gamma:0" };
	std::vector<char *> argv;
	struct sigaction interrupt;
	int argc = connected ? 1 : static_cast<int>(words.size());

	for (auto &w : words)
		argv.push_back(&w[0]);
	argv.push_back(nullptr);
	/* Ctrl-C belongs to the program, not to SimGrid. */
	(void)sigaction(SIGINT, nullptr, &interrupt);
	e->engine = new s4u::Engine(&argc, argv.data());
	(void)sigaction(SIGINT, &interrupt, nullptr);
	e->base_s = s4u::Engine::get_clock();
	e->star = zone == SG_STAR;
	e->zone = e->star ? s4u::create_star_zone("world") : s4u::create_full_zone("world");
	e->model = std::make_shared<CalendarModel>(e);
	if (!connected)
		s4u::Engine::on_time_advance_cb(on_advance);
	connected = true;
}

/* Exceptions of SimGrid and of the library as error codes. */
template <class F> int guarded(F &&f)
{
	try {
		f();
		return 0;
	} catch (const std::bad_alloc &) {
		return -DER_NOMEM;
	} catch (const std::exception &) {
		return -DER_MISC;
	}
}

} // namespace

int sg_engine_create(enum sg_zone zone, const struct sg_ops *ops, void *arg,
		     struct sg_engine **ret_engine)
{
	if (the_engine != nullptr)
		return -DER_BUSY;
	return guarded([&] {
		auto e = std::make_unique<sg_engine>();

		e->ops = *ops;
		e->arg = arg;
		open_engine(e.get(), zone);
		the_engine = e.get();
		*ret_engine = e.release();
	});
}

int sg_engine_host(struct sg_engine *e, const char *name)
{
	return guarded([&] {
		auto *host = e->zone->create_host(name, 1e9);

		host->seal();
		e->hosts.push_back(host);
	});
}

int sg_engine_link(struct sg_engine *e, const char *name, uint64_t bytes_per_s, uint64_t latency_ns)
{
	return guarded([&] {
		auto *link = e->zone->create_split_duplex_link(name,
							       static_cast<double>(bytes_per_s));

		link->set_latency(static_cast<double>(latency_ns) * 1e-9)->seal();
		e->links.push_back(link);
	});
}

int sg_engine_route(struct sg_engine *e, uint32_t src, uint32_t dst, const struct sg_hop *hops,
		    uint32_t hop_count)
{
	return guarded([&] {
		std::vector<s4u::LinkInRoute> list;

		for (uint32_t i = 0; i < hop_count; i++)
			list.emplace_back(e->links.at(hops[i].link_idx),
					  hops[i].down ? s4u::LinkInRoute::Direction::DOWN
						       : s4u::LinkInRoute::Direction::UP);
		e->zone->add_route(e->hosts.at(src)->get_netpoint(),
				   e->star ? nullptr : e->hosts.at(dst)->get_netpoint(), nullptr,
				   nullptr, list, e->star);
	});
}

int sg_engine_seal(struct sg_engine *e)
{
	return guarded([&] {
		e->zone->seal();
		e->engine->add_model(e->model);
	});
}

void sg_engine_destroy(struct sg_engine *e)
{
	if (e == nullptr)
		return;
	the_engine = nullptr;
	delete e->engine;
	delete e;
}

void sg_engine_run(struct sg_engine *e)
{
	e->engine->run();
}

double sg_engine_clock(const struct sg_engine *e)
{
	return s4u::Engine::get_clock() - e->base_s;
}

uint64_t sg_engine_steps(const struct sg_engine *e)
{
	return e->steps;
}

int sg_engine_route_get(const struct sg_engine *e, uint32_t src, uint32_t dst, uint32_t *ret_links,
			double *ret_latency_s)
{
	int rc = guarded([&] {
		std::vector<s4u::Link *> links;
		double latency = 0;

		e->hosts.at(src)->route_to(e->hosts.at(dst), links, &latency);
		*ret_links = static_cast<uint32_t>(links.size());
		*ret_latency_s = latency;
	});

	return rc == 0 ? 0 : -DER_NONEXIST;
}

int sg_engine_native(struct sg_engine *e, struct sg_flow *flows, uint32_t nr)
{
	double start = s4u::Engine::get_clock();
	int rc;

	e->native = true;
	rc = guarded([&] {
		for (uint32_t i = 0; i < nr; i++) {
			sg_flow *f = &flows[i];
			s4u::Host *src = e->hosts.at(f->src);
			s4u::Host *dst = e->hosts.at(f->dst);

			s4u::Actor::create("flow", src, [f, src, dst, start]() {
				s4u::Comm::sendto(src, dst, f->bytes);
				f->end_s = s4u::Engine::get_clock() - start;
			});
		}
		e->engine->run();
	});
	e->native = false;
	e->base_s += s4u::Engine::get_clock() - start;	/* our own time stood still */
	return rc;
}
