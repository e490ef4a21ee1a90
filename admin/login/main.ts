import { mount } from 'svelte';
import '../src/styles/tokens.css';
import '../src/styles/base.css';
import Login from './login.svelte';

mount(Login, { target: document.body });
