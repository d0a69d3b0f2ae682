{# USES_VARIABLES { _x, _x_before, _y, _ring } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'forget.h' %}
{% endblock %}
{% block maincode %}
    bioconv::forget<{{real}}>({{_x}}, {{n_x}}, {{_x_before}}, {{n_before}}, {{_y}}, {{n_y}}, {{_ring}}, {{n_ring}});
{% endblock %}
