{# USES_VARIABLES { _at, _post_first, _kept, _n_pre, _n_post, w, learning, _x, _y, _c, _place, _waits, _there } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% set side = 'post' %}
{% include 'spikes.h' %}
{% include 'plastic.h' %}
{% endblock %}
{% block maincode %}
    {% if post_first %}
    {{_at}}[0] = (int32_t)(({{_at}}[0] + 1) % _kept);
    bioconv::next_step({{_x}}, {{_y}}, _n_pre, _n_post, _kept, {{_at}}[0]);
    {% endif %}
    const std::vector<int32_t>& _spikes = bioconv::arrived(
        {{get_array_name(postspace)}}, {{postspace_size}}, _post_first, _n_post, nullptr, nullptr, 0);
    bioconv::plastic_post(_spikes, {{w}}, {{_c}}, {{_x}}, {{_y}}, {{learning}}, _n_pre, _n_post, _kept, {{_at}}[0],
        {{_place}}, {{_waits}}, (const char*){{_there}});
{% endblock %}
