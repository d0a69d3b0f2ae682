{# USES_VARIABLES { _target, _ring, _ring_at, _at, _source_first, _post_first, _delay, _kept, _n_pre, _n_post, w, learning, reward, _x, _x_before, _y, _c, _order, _first, _there } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% set side = 'pre' %}
{% include 'spikes.h' %}
{% include 'plastic.h' %}
{% endblock %}
{% block maincode %}
    {% if not post_first %}
    {{_at}}[0] = (int32_t)(({{_at}}[0] + 1) % _kept);
    bioconv::next_step({{_x}}, {{_y}}, _n_pre, _n_post, _kept, {{_at}}[0]);
    {% endif %}
    {% if fade is not none %}
    bioconv::rewarded({{w}}, {{_c}}, (const char*){{_there}}, _n_pre*_n_post, {{learning}}*{{reward}}*({{real}}){{dt}});
    {% endif %}
    const std::vector<int32_t>& _spikes = bioconv::arrived(
        {{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _n_pre,
        {{_ring}}, {{_ring_at}}, _delay);
    const char* _open = {% if conditional_write is none %}nullptr{% else %}(const char*){{get_array_name(conditional_write)}} + _post_first{% endif %};
    bioconv::plastic_pre(_spikes, {{w}}, {{_c}}, {{_target}} + _post_first, _open, {{_x}}, {{_x_before}}, {{_y}},
        {{learning}}, _n_pre, _n_post, _kept, {{_at}}[0], {{_ring}}, {{eventspace_size}}, {{_order}}, {{_first}},
        (const char*){{_there}});
{% endblock %}
